"""The nearest of many images, in pixels: has a generator copied what it was shown?"""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Array, Float, Int, UInt8

from jaxgan.config.errors import UserError
from jaxgan.data.lazy_array import LazyArray, block_size

BLOCK = 2048  # references compared at a time: with 2,000 queries, 16 MiB of distances
EXACT = 1024  # products of two centred pixels are at most 2^14, and float32 holds 2^24 exactly
CENTRE, FARTHEST = 128, 255
Flat = UInt8[Array, "_ pixels"]


class Nearest(NamedTuple):
    """Of each query, the nearest reference: which one, and how far off in units of a grey level."""

    indices: Int[np.ndarray, " queries"]
    distances: Float[np.ndarray, " queries"]


def nearest_images(queries: ArrayLike, references: ArrayLike | LazyArray) -> Nearest:
    """The nearest reference of each query in Euclidean distance over pixels; of equals, the first.

    Exact: products of pixels are summed as whole numbers, also where float32 does the work.

    Args:
      queries, references: uint8 (n, height, width, channels), numpy or JAX. References that are
        not on the device are sent there some at a time.

    Raises:
      UserError: no images, or images of two shapes.
    """
    few, many = _checked("queries", queries), _checked("references", references)
    if few.shape[1:] != many.shape[1:]:
        raise UserError(
            f"queries are images of shape {few.shape[1:]} and references of {many.shape[1:]}: "
            "must be the same"
        )
    flat = jnp.asarray(few).reshape(len(few), -1)
    small = flat.shape[1] * FARTHEST**2 <= jnp.iinfo(jnp.int32).max
    with jax.enable_x64(True):
        whole = jnp.int32 if small else jnp.int64
        best = jnp.full(len(flat), jnp.iinfo(whole).max, whole)
        which = jnp.zeros(len(flat), jnp.int32)
        for part, start, before, size in _parts(many):
            best, which = _nearer(best, which, flat, part, start, before, size)
    return Nearest(np.asarray(which), np.sqrt(np.asarray(best, np.float64)))


def copying_ratio(samples: ArrayLike, held_out: ArrayLike) -> float:
    """Median distance of samples to their nearest training image over that of held-out images.

    Near 1, samples are as new as real images that training never saw; far below, they are
    copies. Above 1 they are unlike anything, which is no merit.

    Args:
      samples, held_out: (n,) distances, of `nearest_images`.

    Raises:
      UserError: no distances, or held-out images that are half or more copies themselves.
    """
    middle, reference = (np.median(np.asarray(part)) for part in (samples, held_out))
    if not np.isfinite(middle) or not reference > 0:
        raise UserError(
            f"median distances {middle} of samples and {reference} of held-out images: the "
            "second must be above zero; hold out images that are not in the training set"
        )
    return float(middle / reference)


@functools.partial(jax.jit, static_argnames="size")
def _nearer(best, which, queries: Flat, references: Flat, start, before, size: int):
    """Squared distances and places, after a look at `size` references from `start` on, which have
    so many more `before` them."""
    block = jax.lax.dynamic_slice_in_dim(references, start, size)
    whole = best.dtype
    norms = [_norms(pixels, whole) for pixels in (block, queries)]
    squared = norms[0][:, None] + norms[1][None] - 2 * _products(block, queries, whole)
    least = jnp.min(squared, axis=0)
    places = jnp.arange(size, dtype=jnp.int32)[:, None]
    first = jnp.min(jnp.where(squared == least[None], places, size), axis=0)
    there = jnp.asarray(before + start + first, jnp.int32)
    return jnp.minimum(best, least), jnp.where(least < best, there, which)


def _norms(pixels: Flat, whole: DTypeLike) -> Int[Array, " _"]:
    return jnp.sum((pixels.astype(whole) - CENTRE) ** 2, axis=1)


def _products(a: Flat, b: Flat, whole: DTypeLike) -> Int[Array, "a b"]:
    """a b' of centred pixels: in float32, so few at a time that each sum is a whole number."""
    total = jnp.zeros((len(a), len(b)), whole)
    for start in range(0, a.shape[1], EXACT):
        left, right = (
            pixels[:, start : start + EXACT].astype(jnp.float32) - CENTRE for pixels in (a, b)
        )
        total += jnp.matmul(left, right.T, precision="highest").astype(whole)
    return total


def _parts(references: Any) -> Iterator[tuple[Flat, int, int, int]]:
    """Flat references on the device, with the first to look at, how many come before these
    references, and how many to look at; the last overlap those before."""
    count = len(references)
    resident = isinstance(references, jax.Array)
    size = min(BLOCK, count) if resident else min(BLOCK, count, block_size(references))
    whole = references.reshape(count, -1) if resident else None
    for start in range(0, count, size):
        start = min(start, count - size)
        if whole is not None:
            yield whole, start, 0, size
        else:
            yield jnp.asarray(references[start : start + size]).reshape(size, -1), 0, start, size


def _checked(name: str, values: Any) -> Any:
    array = values if isinstance(values, jax.Array | LazyArray) else np.asarray(values)
    if array.dtype != np.uint8 or array.ndim != 4 or 0 in array.shape:
        raise UserError(
            f"{name}: {array.dtype} of shape {array.shape}; must be uint8 of shape "
            "(n, height, width, channels), none of them 0"
        )
    return array
