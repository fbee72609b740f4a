"""The runs of one program: their arrays as one, with a leading axis, and those of each by itself.

Of several devices every one has the runs that it trains, where their number divides that of the
runs; else it has all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from jaxgan.parallel.mesh import replicate, shard

Tree = TypeVar("Tree")


def stack_runs(mesh: Mesh | None, trees: Sequence[Tree]) -> Tree:
    """The arrays of several runs, stacked; theirs are freed one after the other. Of a single run
    there is no such axis."""

    def one(*leaves):
        stack = shard_runs(mesh, jnp.stack(leaves))
        for leaf in leaves:
            leaf.delete()
        return stack

    found: Tree = replicate(mesh, trees[0]) if len(trees) == 1 else jax.tree.map(one, *trees)
    return found


def shard_runs(mesh: Mesh | None, tree: Any) -> Any:
    """Arrays with a leading axis over several runs, each where its run is trained."""
    runs = len(jax.tree.leaves(tree)[0])
    return shard(mesh, tree, axis=0) if divides(mesh, runs) else replicate(mesh, tree)


def divides(mesh: Mesh | None, runs: int) -> bool:
    """Whether every device can have as many of the runs as the others."""
    return mesh is None or runs % mesh.size == 0


def unstack_runs(tree: Any, count: int) -> Iterable[Any]:
    """What `tree` has of every one of several runs, in turn; of a single one, `tree` itself."""
    return [tree] if count == 1 else _UnstackedRuns(tree, count)


class _UnstackedRuns:
    """Taken out, on one device, when asked for: not all runs' arrays are there twice."""

    def __init__(self, tree: Any, count: int):
        self._tree, self._count = tree, count

    def __iter__(self) -> Iterator[Any]:
        for place in range(self._count):
            yield jax.tree.map(lambda leaf, place=place: _run_at(leaf, place), self._tree)


def _run_at(leaf: jax.Array, place: int) -> jax.Array:
    """One entry of the first axis, on the first device; from wherever the array has it."""
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_run_at(jax.random.key_data(leaf), place))
    for piece in leaf.addressable_shards:
        start, stop, _ = piece.index[0].indices(len(leaf))
        if start <= place < stop:
            return jax.device_put(piece.data[place - start], leaf.addressable_shards[0].device)
    raise IndexError(place)
