"""The runs of one program: their arrays as one, with a leading axis, and those of each by itself.

Of several devices every one has the runs that it trains, where their number divides that of the
runs; else it has all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from jaxgan.mesh import in_parts, on_all

Tree = TypeVar("Tree")


def together(mesh: Mesh | None, trees: Sequence[Tree]) -> Tree:
    """The arrays of several runs, stacked; theirs are freed one after the other. Of a single run
    there is no such axis."""

    def one(*leaves):
        stack = on_own(mesh, jnp.stack(leaves))
        for leaf in leaves:
            leaf.delete()
        return stack

    found: Tree = on_all(mesh, trees[0]) if len(trees) == 1 else jax.tree.map(one, *trees)
    return found


def on_own(mesh: Mesh | None, tree: Any) -> Any:
    """Arrays with a leading axis over several runs, each where its run is trained."""
    runs = len(jax.tree.leaves(tree)[0])
    return in_parts(mesh, tree, axis=0) if evenly(mesh, runs) else on_all(mesh, tree)


def evenly(mesh: Mesh | None, runs: int) -> bool:
    """Whether every device can have as many of the runs as the others."""
    return mesh is None or runs % mesh.size == 0


def each(tree: Any, count: int) -> Iterable[Any]:
    """What `tree` has of every one of several runs, in turn; of a single one, `tree` itself."""
    return [tree] if count == 1 else _Apart(tree, count)


class _Apart:
    """Taken out, on one device, when asked for: not all runs' arrays are there twice."""

    def __init__(self, tree: Any, count: int):
        self._tree, self._count = tree, count

    def __iter__(self) -> Iterator[Any]:
        for place in range(self._count):
            yield jax.tree.map(lambda leaf, place=place: _part(leaf, place), self._tree)


def _part(leaf: jax.Array, place: int) -> jax.Array:
    """One entry of the first axis, on the first device; from wherever the array has it."""
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_part(jax.random.key_data(leaf), place))
    for shard in leaf.addressable_shards:
        start, stop, _ = shard.index[0].indices(len(leaf))
        if start <= place < stop:
            return jax.device_put(shard.data[place - start], leaf.addressable_shards[0].device)
    raise IndexError(place)
