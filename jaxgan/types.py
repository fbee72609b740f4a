"""The arrays that jaxgan passes around: their shapes, and the map between pixels and images.

Examples are pictures or points. What is said of pixels and images holds for both: the pixels of
a picture are uint8 (batch, height, width, channels), and its image is the same in [-1, 1]; the
"pixels" and the "image" of a point are its float coordinates (batch, dims), left as they are.
"""

import enum
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PyTree, UInt8, UInt32

Pixels = UInt8[Array, "batch *shape"] | Float[Array, "batch *shape"]  # 0 to 255, or points
Images = Float[Array, "batch *shape"]  # in [-1, 1], or points
PackedImages = Float[Array, "packs *packed_shape"]  # several images as channels of one
Latents = Float[Array, "batch latent"]
Logits = Float[Array, " batch"]
Labels = Int[Array, " batch"]
Order = Int[Array, "steps images"]  # rows of indices into the examples
Orders = Int[Array, "runs steps images"]
Scalar = Float[Array, ""]
PRNGKey = Key[Array, ""]
Counter = int | np.integer | Int[Array, ""]  # a step or an epoch
Params = PyTree[Array]
Metrics = dict[str, Array]  # player/quantity, for people
Checksum = UInt32[Array, ""]
Checksums = dict[str, Array]  # by column of the ledger


class Batch(NamedTuple):
    """Images with their labels: what a class-conditional GAN is trained on."""

    images: jax.Array
    labels: jax.Array | None = None


class StepOutput(NamedTuple):
    """What an update or a step reports besides the new state.

    Attributes:
      metrics: values for people, named player/quantity.
      checksums: values for the ledger, by which two runs are compared bit for bit.
    """

    metrics: Metrics
    checksums: Checksums


class GatheredExamples(NamedTuple):
    """What some steps take of the examples, where these are not all on the device.

    Of several runs the arrays have one more leading axis.

    Attributes:
      pixels: (steps, d_steps, images, *shape), uint8 or points.
      labels: (steps, d_steps, images); None where the GAN is told none.
    """

    pixels: jax.Array | np.ndarray
    labels: jax.Array | np.ndarray | None = None


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
    STANDING = 8


def stream_key(root: PRNGKey, stream: Stream, counter: Counter) -> PRNGKey:
    """The key of one draw: it depends on the root key, the stream and the counter alone."""
    return jax.random.fold_in(jax.random.fold_in(root, stream), counter)


def as_batch(real: jax.Array | Batch) -> Batch:
    return real if isinstance(real, Batch) else Batch(real)


def to_images(pixels: Pixels) -> Images:
    """0..255 to [-1, 1]; inverse of `to_pixels` on every value. Points stay as they are."""
    if jnp.issubdtype(pixels.dtype, jnp.floating):
        return pixels
    return pixels.astype(jnp.float32) / 127.5 - 1.0


def to_pixels(images: Images) -> Pixels:
    """[-1, 1] to 0..255, rounded to the nearest; values outside the range are clipped.

    Points, of which the array has two dimensions, stay as they are.
    """
    if images.ndim == 2:
        return images
    return jnp.clip(jnp.round((images + 1.0) * 127.5), 0, 255).astype(jnp.uint8)
