"""The arrays that jaxgan passes around: their shapes, and the map between pixels and images.

An example is a picture or a point. The pixels of a picture are uint8 of shape (batch, height,
width, channels); its image holds the same values as floats in [-1, 1]. The coordinates of a point
are floats of shape (batch, dims); they serve as both its pixels and its image.
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
Checksum = UInt32[Array, ""]
Metrics = dict[str, Array]
Checksums = dict[str, Array]
Trace = dict[str, PyTree[Array]]


class Batch(NamedTuple):
    """Images, and their labels if the GAN is class-conditional."""

    images: jax.Array
    labels: jax.Array | None = None


class StepOutput(NamedTuple):
    """The values that an update, a step or an epoch returns beside the new state.

    Attributes:
      metrics: values for people, named player/quantity.
      checksums: values for the ledger, named as its columns; they tell whether two runs are the
        same to the bit.
      trace: latents and gradients, by name. The compiler drops what is not used.
    """

    metrics: Metrics
    checksums: Checksums
    trace: Trace


class GatheredExamples(NamedTuple):
    """The examples of a few steps, if the device does not hold the whole data set.

    The arrays of several runs have one more leading axis.

    Attributes:
      pixels: (steps, d_steps, images, *shape), uint8 or points.
      labels: (steps, d_steps, images); None if the GAN is not class-conditional.
    """

    pixels: jax.Array | np.ndarray
    labels: jax.Array | np.ndarray | None = None


PixelSource = Pixels | GatheredExamples  # all examples, or those of some steps


class Stream(enum.IntEnum):
    """Purposes of random draws. The values are part of a run's bits: append, never renumber."""

    INIT = 0
    ORDER = 1
    UPDATE = 2
    LATENTS = 3
    PENALTY = 4
    AUGMENT = 5
    SAMPLE = 6
    EVALUATE = 7
    STANDING = 8
    REDRAW = 9


def stream_key(root: PRNGKey, stream: Stream, counter: Counter) -> PRNGKey:
    """Returns the key of one draw, which depends on root key, stream and counter only."""
    return jax.random.fold_in(jax.random.fold_in(root, stream), counter)


def root_key(seed: int, redraw: int = 0) -> PRNGKey:
    """Returns the root key of a run: that of its seed or, with `redraw`, another one."""
    key = jax.random.key(seed)
    return stream_key(key, Stream.REDRAW, redraw) if redraw else key


def to_images(pixels: Pixels) -> Images:
    """Maps 0..255 to [-1, 1]; `to_pixels` inverts it exactly. Points stay as they are."""
    if jnp.issubdtype(pixels.dtype, jnp.floating):
        return pixels
    return pixels.astype(jnp.float32) / 127.5 - 1.0


def to_pixels(images: Images) -> Pixels:
    """Maps [-1, 1] to 0..255, rounded to the nearest; values outside the range are clipped.

    Points, which are arrays of two dimensions, stay as they are.
    """
    if images.ndim == 2:
        return images
    return jnp.clip(jnp.round((images + 1.0) * 127.5), 0, 255).astype(jnp.uint8)
