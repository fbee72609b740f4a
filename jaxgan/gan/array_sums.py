"""Sums over many arrays in few kernels, for devices on which a launch takes longer than a sum."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax.lax import optimization_barrier
from jaxtyping import Array, Shaped

LARGE = 1 << 20  # elements of an array that is worth a kernel of its own
MAX_JOINED = 48  # arrays that one kernel joins; XLA's limit is 96 inputs and outputs


def sum_arrays(arrays: Sequence[Array]) -> Shaped[Array, ""]:
    """Returns the sum of all elements of one or more arrays of the same type."""
    return sum_groups([arrays])[0]


def sum_groups(groups: Sequence[Sequence[Array]]) -> list[Shaped[Array, ""]]:
    """Returns the sum of all elements of each group of one or more arrays, all of the same type."""
    small = [[array.reshape(-1) for array in group if array.size < LARGE] for group in groups]
    rows = [_join(group, groups[0][0].dtype) for group in small]
    if sum(map(len, small)) > MAX_JOINED:
        rows = optimization_barrier(rows)
    longest = max(map(len, rows))
    matrix = jnp.stack([jnp.pad(row, (0, longest - len(row))) for row in rows])
    # The barrier stops the compiler from making a sum of each array again.
    totals = list(jnp.sum(optimization_barrier(matrix), axis=1, dtype=matrix.dtype))
    for i, group in enumerate(groups):
        for array in group:
            if array.size >= LARGE:
                totals[i] += jnp.sum(array, dtype=array.dtype)
    return totals


def _join(arrays: Sequence[Array], dtype: jnp.dtype) -> Shaped[Array, " elements"]:
    starts = range(0, len(arrays), MAX_JOINED)
    parts = [jnp.concatenate(arrays[start : start + MAX_JOINED]) for start in starts]
    if len(parts) > 1:
        parts = optimization_barrier(parts)
    return jnp.concatenate(parts) if parts else jnp.zeros(0, dtype)
