"""The runs of one program: their arrays as one, with a leading axis, and those of each by itself.

Of several devices every one has the runs that it trains, where their number divides that of the
runs; else it has all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from jaxgan.mesh import in_parts, on_all, part_of

Tree = TypeVar("Tree")


def together(mesh: Mesh | None, trees: Sequence[Tree]) -> Tree:
    """The arrays of several runs, stacked; theirs are freed one after the other. Of a single one
    they are as they were."""

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
    return in_parts(mesh, tree, axis=0) if shared(mesh, runs) else on_all(mesh, tree)


def shared(mesh: Mesh | None, runs: int) -> bool:
    """Whether every device has as many of the runs as the others."""
    return mesh is not None and runs % mesh.size == 0


def each(tree: Any, count: int) -> Iterable[Any]:
    """What `tree` has of every one of several runs, in turn; of a single one, `tree` itself."""
    return [tree] if count == 1 else _Apart(tree, count)


class _Apart:
    """Taken out, on one device, when asked for: only one run's arrays need be there twice."""

    def __init__(self, tree: Any, count: int):
        self._tree, self._count = tree, count

    def __iter__(self) -> Iterator[Any]:
        for place in range(self._count):
            yield jax.tree.map(lambda leaf, place=place: part_of(leaf, place), self._tree)
