"""Fingerprints of arrays, cheap enough to be taken of every step on the device.

A fingerprint is one uint32: the words of an array, each mixed with itself and times an odd number
of its place, summed modulo 2^32. One flipped bit always changes it; other differences all but
surely do. It is no cryptographic hash: it tells accidents apart, not forgeries.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PyTree, UInt32

from jaxgan.types import Checksum

WINDOWS = 16  # steps after which every part of an array was in a window
ROW, COLUMN, LEAF = 0x9E3779B0, 0x85EBCA68, 0x01000193  # of well-mixed bits; LEAF is odd


def checksum(array: Array) -> Checksum:
    """Of every bit of an array; that of a float32 or 32-bit scalar is its bits as they are."""
    words = _words(array)
    if array.ndim:  # flipped signs would cancel in pairs: 2^31 times any odd number is 2^31
        words = words ^ (words >> 15)
    words = words.reshape(-1, words.shape[-1] if words.ndim else 1)
    # Columns first: the fastest order on CPU.
    columns = jnp.sum(words * _odd(len(words), ROW)[:, None], axis=0, dtype=jnp.uint32)
    return jnp.sum(columns * _odd(len(columns), COLUMN), dtype=jnp.uint32)


def tree_checksum(tree: PyTree[Array]) -> Checksum:
    """Of every leaf, in their order; 0 where there is none."""
    return combine([checksum(leaf) for leaf in jax.tree.leaves(tree)])


def window_checksum(tree: PyTree[Array], step: Int[Array, ""]) -> Checksum:
    """Of a sixteenth of every leaf: another one in each of sixteen steps that follow each other."""
    return combine([_window(leaf, step) for leaf in jax.tree.leaves(tree)])


def combine(marks: list[Checksum]) -> Checksum:
    """One of several, in their order; 0 of none."""
    total = jnp.zeros((), jnp.uint32)
    for mark in marks:
        total = total * jnp.uint32(LEAF) + mark
    return total


def _window(leaf: Array, step: Int[Array, ""]) -> Checksum:
    words = _words(leaf).reshape(-1)
    length = -(-len(words) // WINDOWS)
    start = jnp.minimum(step % WINDOWS * length, len(words) - length)
    return checksum(jax.lax.dynamic_slice(words, (start,), (length,)))


def _words(array: Array) -> UInt32[Array, "..."]:
    """The bits of an array in words; eight bytes make two of them, fewer than four one."""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    if array.dtype == jnp.bool_:
        return array.astype(jnp.uint32)
    size = min(array.dtype.itemsize, 4)
    words = jax.lax.bitcast_convert_type(array, jnp.dtype(f"uint{8 * size}"))
    return words.astype(jnp.uint32)


def _odd(count: int, factor: int) -> UInt32[Array, " count"]:
    """Odd numbers, 1 the first."""
    return jnp.arange(count, dtype=jnp.uint32) * jnp.uint32(factor) + jnp.uint32(1)
