"""The arrays that jaxgan passes around: their shapes, and the map between pixels and images."""

import enum

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree, UInt8

Pixels = UInt8[Array, "batch height width channels"]  # 0 to 255
Images = Float[Array, "batch height width channels"]  # in [-1, 1]
Latents = Float[Array, "batch latent"]
Logits = Float[Array, " batch"]
Labels = Int[Array, " batch"]
Order = Int[Array, "steps images"]  # rows of indices into the examples
Scalar = Float[Array, ""]
PRNGKey = Key[Array, ""]
Params = PyTree[Array]
Metrics = dict[str, Array]


class Stream(enum.IntEnum):
    """What a random draw is for. Values are part of a run's bits: never renumber, only append."""

    INIT = 0
    ORDER = 1
    UPDATE = 2
    LATENTS = 3
    PENALTY = 4
    AUGMENT = 5
    SAMPLE = 6
    EVALUATE = 7


def stream_key(root: PRNGKey, stream: Stream, counter: int | Int[Array, ""]) -> PRNGKey:
    """The key of one draw: it depends on the root key, the stream and the counter alone."""
    return jax.random.fold_in(jax.random.fold_in(root, stream), counter)


def to_images(pixels: Pixels) -> Images:
    """0..255 to [-1, 1]; inverse of `to_pixels` on every value."""
    return pixels.astype(jnp.float32) / 127.5 - 1.0


def to_pixels(images: Images) -> Pixels:
    """[-1, 1] to 0..255, rounded to the nearest; values outside the range are clipped."""
    return jnp.clip(jnp.round((images + 1.0) * 127.5), 0, 255).astype(jnp.uint8)
