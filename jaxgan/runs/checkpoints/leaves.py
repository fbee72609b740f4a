"""A state as a flat dictionary of numpy arrays, named by their path in the state."""

import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.gan.state import TrainState

Leaves = dict[str, np.ndarray]


def flatten(state: TrainState) -> Leaves:
    """Copies a state's arrays to the host, by their dotted path in the state."""
    # As bits: Orbax may fail to restore typed keys (its issue 2540).
    return named_leaves(state.replace(key=jax.random.key_data(state.key)))


def named_leaves(tree: Any) -> Leaves:
    """Copies a tree's arrays to the host, by their dotted path."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    # `np.array` copies. What `np.asarray` returns may share a CPU device's memory with the state,
    # whose buffers are given to the next step.
    return {leaf_name(path): np.array(leaf) for path, leaf in leaves}


def unflatten(leaves: Leaves, template: TrainState) -> TrainState:
    """Inverts `flatten`; the arrays are on the default device."""
    plain = template.replace(key=jax.random.key_data(template.key))
    state = jax.tree_util.tree_map_with_path(
        lambda path, _: jnp.array(leaves[leaf_name(path)]), plain
    )
    return state.replace(key=jax.random.wrap_key_data(state.key))


def leaves_sha256(leaves: Leaves) -> str:
    """Returns the SHA-256 of all names, shapes, types and bytes."""
    digest = hashlib.sha256()
    # Sorted, so that the order in which Orbax returns the arrays does not matter.
    for name in sorted(leaves):
        leaf = leaves[name]
        digest.update(f"{name} {leaf.shape} {leaf.dtype}\n".encode())
        digest.update(np.ascontiguousarray(leaf).data)
    return digest.hexdigest()


def leaf_name(path: jax.tree_util.KeyPath) -> str:
    """Returns the dotted path of a leaf."""
    return jax.tree_util.keystr(path, simple=True, separator=".")
