"""A mesh with one axis over several devices, which divides batches, or runs, among them.

Arrays keep their meaning: a divided batch is one batch, its mean is over all of it, and its random
draws have the same bits. Only the order of summation differs between numbers of devices;
`deterministic_mean` fixes that order too.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config

AXIS = "devices"


def make_mesh(config: Config, devices: Sequence[jax.Device]) -> Mesh | None:
    """Returns the mesh of the devices that train a run, or None for a single device.

    Raises:
      UserError: there are fewer devices than config.parallel.devices, or they do not divide a
        batch or its shards.
    """
    requested, visible = config.parallel.devices, len(devices)
    if requested > visible:
        kind = devices[0].platform
        raise UserError(
            f"config.parallel.devices = {requested}: there {'is' if visible == 1 else 'are'} "
            f"{visible} ({kind}); must be at most {visible}, or 0 for all"
        )
    count = requested or visible
    if config.parallel.shards % count:
        raise UserError(
            f"config.parallel.shards = {config.parallel.shards}: the {count} devices "
            "(config.parallel.devices) must divide it"
        )
    if (processes := len({device.process_index for device in devices})) > 1 and count < visible:
        raise UserError(
            f"config.parallel.devices = {requested}: {processes} processes have {visible} devices; "
            f"must be {visible}, or 0 for all"
        )
    size, packing = config.train.batch_size, config.packing
    if size // packing % count:
        parts = "images" if packing == 1 else f"packs of {packing} (config.packing)"
        raise UserError(
            f"config.train.batch_size = {size}: the {count} devices (config.parallel.devices) "
            f"must divide its {size // packing} {parts}"
        )
    # The devices of one process are neighbours, so that it needs one slice of each batch.
    used = sorted(devices[:count], key=lambda device: device.process_index)
    return Mesh(np.asarray(used), (AXIS,)) if count > 1 else None


def replicate(mesh: Mesh | None, tree: Any) -> Any:
    """Copies the arrays to every device of the mesh; every process must give the same arrays."""
    if mesh is None:
        return tree
    replicated = NamedSharding(mesh, PartitionSpec())
    if not mesh.is_multi_process:
        return jax.device_put(tree, replicated)
    # `device_put` would compare every array between all processes, over the network.
    return jax.tree.map(lambda leaf: _replicate_leaf(leaf, replicated), tree)


def local_replica(mesh: Mesh | None, tree: Any) -> Any:
    """Returns replicated arrays as one device of this process has them.

    Computations with them need no other process. Without another process they are returned as
    they are.
    """
    if mesh is None or not mesh.is_multi_process:
        return tree
    assert all(leaf.is_fully_replicated for leaf in jax.tree.leaves(tree))
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def constrain(mesh: Mesh | None, tree: Any, evenly: bool = True) -> Any:
    """Divides the first axis among the devices, within `jit`; replicates it if not `evenly`."""
    if mesh is None:
        return tree
    spec = PartitionSpec(AXIS) if evenly else PartitionSpec()
    return jax.lax.with_sharding_constraint(tree, NamedSharding(mesh, spec))


def local_slice(mesh: Mesh | None, size: int) -> slice:
    """Returns the rows of a batch of this size that are on the devices of this process."""
    if mesh is None or not mesh.is_multi_process:
        return slice(size)
    # One slice is enough, because `make_mesh` puts the devices of a process side by side.
    owners = [device.process_index for device in mesh.devices.flat]
    first, count = owners.index(jax.process_index()), owners.count(jax.process_index())
    return slice(first * size // len(owners), (first + count) * size // len(owners))


def shard(mesh: Mesh | None, tree: Any, axis: int) -> Any:
    """Divides an axis of the arrays among the devices; each process gives its `local_slice`."""
    if mesh is None:
        return jax.device_put(tree)
    divided = NamedSharding(mesh, PartitionSpec(*[None] * axis, AXIS))
    return jax.tree.map(lambda leaf: jax.make_array_from_process_local_data(divided, leaf), tree)


def _replicate_leaf(leaf: jax.Array, replicated: NamedSharding) -> jax.Array:
    # A typed key has no values of its own in numpy; its data has.
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_replicate_leaf(jax.random.key_data(leaf), replicated))
    array = np.asarray(leaf)
    return jax.make_array_from_callback(array.shape, replicated, lambda _: array)
