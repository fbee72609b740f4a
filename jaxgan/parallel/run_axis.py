"""A leading axis over the runs of one program: stacked arrays, and those of each run alone.

On several devices the runs are distributed if the number of devices divides that of the runs;
otherwise every device has all of them.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan.parallel.mesh import replicate, shard

Tree = TypeVar("Tree")


def stack_runs(mesh: Mesh | None, trees: Sequence[Tree]) -> Tree:
    """Stacks the arrays of several runs, and frees each run's own as soon as it is copied."""

    def stack(*leaves: jax.Array) -> jax.Array:
        stacked: jax.Array = shard_runs(mesh, jnp.stack(leaves))
        # Otherwise the states of all runs would be in memory twice until the last leaf is stacked.
        for leaf in leaves:
            leaf.delete()
        return stacked

    return jax.tree.map(stack, *trees)


def shard_runs(mesh: Mesh | None, tree: Any) -> Any:
    """Places arrays with a leading axis over runs, each run where it is trained."""
    runs = len(jax.tree.leaves(tree)[0])
    return shard(mesh, tree, axis=0) if divides(mesh, runs) else replicate(mesh, tree)


def divides(mesh: Mesh | None, runs: int) -> bool:
    """Returns True if every device can have equally many of the runs."""
    return mesh is None or runs % mesh.size == 0


def unstack_runs(tree: Any, count: int) -> Iterator[Any]:
    """Yields each run's part of a stacked tree, on one device.

    A part is copied when it is asked for, so that all runs' arrays are not there twice. Arrays of
    numpy stay on the host.
    """
    for index in range(count):
        yield jax.tree.map(lambda leaf, index=index: _run_at(leaf, index), tree)


def _run_at(leaf: Any, index: int) -> Any:
    """Returns one entry of the first axis, on the first device, wherever the array has it."""
    if isinstance(leaf, np.ndarray):
        return leaf[index]
    # The shards of a typed key cannot be indexed like those of its data.
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_run_at(jax.random.key_data(leaf), index))
    # From the shard that holds it: `leaf[index]` would be a program on all devices.
    for piece in leaf.addressable_shards:
        start, stop, _ = piece.index[0].indices(len(leaf))
        if start <= index < stop:
            return jax.device_put(piece.data[index - start], leaf.addressable_shards[0].device)
    raise IndexError(index)
