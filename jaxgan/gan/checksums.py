"""Checksums of arrays, cheap enough to be computed on the device at every step.

A checksum is one uint32. The words of an array are each mixed with themselves, multiplied by an odd
number that depends on their index, and summed modulo 2^32. One flipped bit always changes the
checksum; other differences almost always do. It is no cryptographic hash: it detects accidents, not
forgeries.
"""

import functools
import itertools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PyTree, UInt32

from jaxgan.types import Checksum

WINDOWS = 16  # number of steps after which every part of an array was in a window
ROW_SLICES = 4  # independent sums of a matrix on CPU
MIN_SLICED_ROWS = 64  # of a matrix; a smaller one is added up at once
ROW, COLUMN, LEAF = 0x9E3779B0, 0x85EBCA68, 0x01000193  # well-mixed bits; LEAF is odd


def checksum(array: Array) -> Checksum:
    """Returns the checksum of every bit; that of a float32 or 32-bit scalar is its own bits."""
    words = _words(array)
    if array.ndim:  # flipped signs would cancel in pairs: 2^31 times any odd number is 2^31
        words = words ^ (words >> 15)
    words = words.reshape(-1, words.shape[-1] if words.ndim else 1)
    # Columns first is the fastest order on CPU.
    columns = _sum_rows(words * _odd_numbers(len(words), ROW)[:, None])
    return jnp.sum(columns * _odd_numbers(len(columns), COLUMN), dtype=jnp.uint32)


def tree_checksum(tree: PyTree[Array]) -> Checksum:
    """Returns the checksum of all leaves in order; 0 for an empty tree."""
    return combine_checksums([checksum(leaf) for leaf in jax.tree.leaves(tree)])


def window_checksum(tree: PyTree[Array], step: Int[Array, ""]) -> Checksum:
    """Returns the checksum of a sixteenth of every leaf; 16 consecutive steps cover all of it."""
    return combine_checksums([_window_checksum(leaf, step) for leaf in jax.tree.leaves(tree)])


def combine_checksums(checksums: list[Checksum]) -> Checksum:
    """Combines checksums into one that depends on their order; 0 for none."""
    total = jnp.zeros((), jnp.uint32)
    for value in checksums:
        total = total * jnp.uint32(LEAF) + value
    return total


def _window_checksum(leaf: Array, step: Int[Array, ""]) -> Checksum:
    words = _words(leaf).reshape(-1)
    length = -(-len(words) // WINDOWS)
    start = jnp.minimum(step % WINDOWS * length, len(words) - length)
    return checksum(jax.lax.dynamic_slice(words, (start,), (length,)))


def _sum_rows(words: UInt32[Array, "rows columns"]) -> UInt32[Array, " columns"]:
    def sum_all(words: Array) -> Array:
        return jnp.sum(words, axis=0, dtype=jnp.uint32)

    def sum_slices(words: Array) -> Array:
        bounds = [len(words) * i // ROW_SLICES for i in range(ROW_SLICES + 1)]
        slices = [words[start:stop] for start, stop in itertools.pairwise(bounds)]
        return functools.reduce(jnp.add, map(sum_all, slices))

    if len(words) < MIN_SLICED_ROWS:
        return sum_all(words)
    # A CPU adds up independent sums side by side: 0.98 of the classic GAN's step. A GPU would need
    # more kernels.
    total: Array = jax.lax.platform_dependent(words, cpu=sum_slices, default=sum_all)
    return total


def _words(array: Array) -> UInt32[Array, "..."]:
    """Returns the bits as 32-bit words: two for an element of eight bytes, one for a shorter."""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    if array.dtype == jnp.bool_:
        return array.astype(jnp.uint32)
    size = min(array.dtype.itemsize, 4)
    words = jax.lax.bitcast_convert_type(array, jnp.dtype(f"uint{8 * size}"))
    return words.astype(jnp.uint32)


def _odd_numbers(count: int, factor: int) -> UInt32[Array, " count"]:
    """Returns `count` odd numbers for an even factor; the first is 1."""
    return jnp.arange(count, dtype=jnp.uint32) * jnp.uint32(factor) + jnp.uint32(1)
