"""Checksums of arrays, cheap enough to be computed on the device at every step.

A checksum is one uint32. The words of an array are each mixed with themselves, multiplied by an odd
number that depends on their index, and summed modulo 2^32. One flipped bit always changes the
checksum; other differences almost always do. It is no cryptographic hash: it detects accidents, not
forgeries.
"""

import functools
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PyTree, UInt32

from jaxgan.gan.array_sums import sum_groups
from jaxgan.types import Checksum

Words = UInt32[Array, "_ _"]  # rows, columns
WINDOWS = 16  # number of steps after which every part of an array was in a window
ROW_SLICES = 4  # independent sums of a matrix on CPU
MIN_SLICED_ROWS = 64  # of a matrix; a smaller one is added up at once
ROW, COLUMN, LEAF = 0x9E3779B0, 0x85EBCA68, 0x01000193  # well-mixed bits; LEAF is odd


def checksum(array: Array) -> Checksum:
    """Returns the checksum of every bit; that of a float32 or 32-bit scalar is its own bits."""
    return tree_checksum((array,))


def tree_checksum(tree: PyTree[Array]) -> Checksum:
    """Returns the checksum of all leaves in order; 0 for an empty tree."""
    return tree_checksums([tree])[0]


def tree_checksums(trees: Sequence[PyTree[Array]]) -> list[Checksum]:
    """Returns the `tree_checksum` of each tree; together they take a GPU few kernels."""
    mixed = [[_mix(leaf) for leaf in jax.tree.leaves(tree)] for tree in trees]
    checksums = [jnp.zeros((), jnp.uint32) for _ in trees]
    if filled := [i for i, leaves in enumerate(mixed) if leaves]:
        leaves = [mixed[i] for i in filled]
        # On a TPU joining tiled arrays would copy them.
        found = jax.lax.platform_dependent(
            leaves, cuda=_sum_joined, rocm=_sum_joined, default=_sum_each
        )
        for i, value in zip(filled, found, strict=True):
            checksums[i] = value
    return checksums


def window_checksums(trees: Sequence[PyTree[Array]], step: Int[Array, ""]) -> list[Checksum]:
    """Returns checksums of a sixteenth of every leaf; 16 consecutive steps cover all of it."""
    return tree_checksums([[_window(leaf, step) for leaf in jax.tree.leaves(x)] for x in trees])


def combine_checksums(checksums: list[Checksum]) -> Checksum:
    """Combines checksums into one that depends on their order; 0 for none."""
    total = jnp.zeros((), jnp.uint32)
    for value in checksums:
        total = total * jnp.uint32(LEAF) + value
    return total


def _window(leaf: Array, step: Int[Array, ""]) -> UInt32[Array, " words"]:
    words = _words(leaf).reshape(-1)
    length = -(-len(words) // WINDOWS)
    start = jnp.minimum(step % WINDOWS * length, len(words) - length)
    return jax.lax.dynamic_slice(words, (start,), (length,))


def _mix(array: Array) -> Words:
    """Returns the words of an array, each but a scalar's mixed with itself."""
    words = _words(array)
    if array.ndim:  # flipped signs would cancel in pairs: 2^31 times any odd number is 2^31
        words = words ^ (words >> 15)
    return words.reshape(-1, words.shape[-1] if words.ndim else 1)


def _sum_joined(groups: list[list[Words]]) -> list[Checksum]:
    return sum_groups([_weigh(leaves) for leaves in groups])


def _weigh(leaves: list[Words]) -> list[Words]:
    """Multiplies each word by the odd number of its place, and by the factor of its leaf."""
    weighted = []
    for power, words in zip(reversed(range(len(leaves))), leaves, strict=True):
        columns = _odd_numbers(words.shape[1], COLUMN) * jnp.uint32(pow(LEAF, power, 2**32))
        weighted.append(words * _odd_numbers(len(words), ROW)[:, None] * columns[None])
    return weighted


def _sum_each(groups: list[list[Words]]) -> list[Checksum]:
    """Does what `_sum_joined` does, in the order that is the fastest on a CPU."""
    return [combine_checksums([_sum_columns(words) for words in leaves]) for leaves in groups]


def _sum_columns(words: Words) -> Checksum:
    columns = _sum_rows(words * _odd_numbers(len(words), ROW)[:, None])
    return jnp.sum(columns * _odd_numbers(len(columns), COLUMN), dtype=jnp.uint32)


def _sum_rows(words: Words) -> UInt32[Array, " columns"]:
    # A CPU adds up independent sums side by side: 0.98 of the classic GAN's step.
    slices = ROW_SLICES if len(words) >= MIN_SLICED_ROWS else 1
    bounds = [len(words) * i // slices for i in range(slices + 1)]
    sums = [
        jnp.sum(words[start:stop], axis=0, dtype=jnp.uint32)
        for start, stop in itertools.pairwise(bounds)
    ]
    return functools.reduce(jnp.add, sums)


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
