"""Sums over many arrays in few kernels, for devices on which a launch takes longer than a sum."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

LARGE = 1 << 20  # elements of an array that is worth a kernel of its own


def joined_sum(arrays: Sequence[Array]) -> Shaped[Array, ""]:
    """Returns the sum of all elements of one or more arrays of the same type."""
    return joined_sums([arrays])[0]


def joined_sums(groups: Sequence[Sequence[Array]]) -> list[Shaped[Array, ""]]:
    """Returns the sum of all elements of each group of one or more arrays, all of the same type."""
    rows = [[array.reshape(-1) for array in group if array.size < LARGE] for group in groups]
    longest = max(sum(map(len, row)) for row in rows)
    filler = jnp.zeros(longest, groups[0][0].dtype)
    joined = [jnp.concatenate([*row, filler[sum(map(len, row)) :]]) for row in rows]
    # The barrier stops the compiler from making a sum of each array again.
    sums = jnp.sum(jax.lax.optimization_barrier(jnp.stack(joined)), axis=1, dtype=filler.dtype)
    totals = list(sums)
    for i, group in enumerate(groups):
        for array in group:
            if array.size >= LARGE:
                totals[i] += jnp.sum(array, dtype=array.dtype)
    return totals
