"""Memorization: how close generated images are, in pixels, to their nearest training images."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, UInt8

from jaxgan.config.errors import UserError
from jaxgan.data.lazy_array import LazyArray, block_size
from jaxgan.metrics.validation import checked_pixels

BLOCK = 2048  # references compared at a time: with 500 queries, 8 MiB of distances
# Centred pixels are within 128, so a product of two is within 2^14, and a sum of 1024 products
# within 2^24. Up to there float32 holds every whole number, so the sums have no rounding error.
CENTRE = 128
EXACT_SUM = 1024


class Nearest(NamedTuple):
    """The nearest reference of each query: its index, and its distance in grey levels."""

    indices: Int[np.ndarray, " queries"]
    distances: Float[np.ndarray, " queries"]


def nearest_images(queries: ArrayLike, references: ArrayLike | LazyArray) -> Nearest:
    """Finds the nearest reference of each query, by Euclidean distance between pixels.

    The search is exact: squared distances are whole numbers without rounding error. Of equally
    near references the first is returned.

    Args:
      queries, references: uint8 (n, height, width, channels), numpy or JAX. References that are
        not on the device are copied there block by block.

    Raises:
      UserError: no images, or images of two shapes.
    """
    images = checked_pixels("queries", queries)
    originals = checked_pixels("references", references)
    if images.shape[1:] != originals.shape[1:]:
        shapes = f"{images.shape[1:]} and references of {originals.shape[1:]}"
        raise UserError(f"queries are images of shape {shapes}: must be the same")
    # Squared norms of large images pass 2^24, beyond which float32 skips whole numbers.
    with jax.enable_x64(True):
        flat = jnp.asarray(images).reshape(len(images), -1)
        squared = jnp.full(len(flat), jnp.inf)
        indices = jnp.zeros(len(flat), jnp.int32)
        for start, block in _blocks(originals):
            squared, indices = _update_nearest(squared, indices, flat, block, start)
    return Nearest(np.asarray(indices), np.sqrt(np.asarray(squared)))


def copying_ratio(samples: ArrayLike, held_out: ArrayLike) -> float:
    """Divides the median nearest-image distance of samples by that of held-out real images.

    Near 1, samples are as new as real images that training never saw; far below 1, they are
    copies of training images. Above 1 they resemble no image, which is not better.

    Args:
      samples, held_out: (n,) distances to the nearest training image, from `nearest_images`.

    Raises:
      UserError: no distances, or at least half of the held-out images are copies themselves.
    """
    median, reference = (np.median(np.asarray(values)) for values in (samples, held_out))
    if not np.isfinite(median) or not reference > 0:
        raise UserError(
            f"median distances {median} of samples and {reference} of held-out images: the "
            "second must be above zero; hold out images that are not in the training set"
        )
    return float(median / reference)


@jax.jit
def _update_nearest(
    nearest: Float[Array, " queries"],
    indices: Int[Array, " queries"],
    queries: UInt8[Array, "queries pixels"],
    block: UInt8[Array, "references pixels"],
    start: Int[Array, ""] | int,
) -> tuple[Float[Array, " queries"], Int[Array, " queries"]]:
    """Returns squared distances and indices after the block, whose first reference is `start`."""
    products = _exact_products(block, queries)
    squared = _squared_norms(block)[:, None] + _squared_norms(queries)[None] - 2 * products
    in_block = jnp.min(squared, axis=0)
    found = jnp.asarray(start + jnp.argmin(squared, axis=0), jnp.int32)
    # Strictly nearer, so that of equally near references the first stays.
    return jnp.minimum(nearest, in_block), jnp.where(in_block < nearest, found, indices)


def _squared_norms(pixels: UInt8[Array, "images pixels"]) -> Float[Array, " images"]:
    return jnp.sum((pixels.astype(jnp.float64) - CENTRE) ** 2, axis=1)


def _exact_products(
    a: UInt8[Array, "a pixels"], b: UInt8[Array, "b pixels"]
) -> Float[Array, "a b"]:
    """Returns inner products of centred pixels: float32 for speed, float64 for longer sums."""
    total = jnp.zeros((len(a), len(b)))
    for start in range(0, a.shape[1], EXACT_SUM):
        left, right = (
            pixels[:, start : start + EXACT_SUM].astype(jnp.float32) - CENTRE for pixels in (a, b)
        )
        total += jnp.matmul(left, right.T, precision="highest")
    return total


def _blocks(references: Any) -> Iterator[tuple[int, UInt8[Array, "block pixels"]]]:
    """Yields the index of a block's first reference and the block, flat and on the device.

    Blocks have one size, so that one program serves all: the last may overlap the one before.
    """
    count, resident = len(references), isinstance(references, jax.Array)
    size = min(BLOCK, count) if resident else min(BLOCK, count, block_size(references))
    for start in range(0, count, size):
        start = min(start, count - size)
        if resident:
            # `references[start:]` would be compiled anew for each start.
            block = jax.lax.dynamic_slice_in_dim(references, start, size)
        else:
            block = jnp.asarray(references[start : start + size])
        yield start, block.reshape(size, -1)
