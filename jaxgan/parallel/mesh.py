"""Several devices as one: a mesh of a single axis, over which batches are spread, or runs.

Arrays keep their meaning: a batch that is spread is one batch, its mean is over all of it, and
what is drawn for it are the same bits; sums over it are only added up in another order (`shards`
has one order for all).
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
    """The devices that a run is trained on, or None where a single one does it all.

    Raises:
      UserError: there are fewer devices than asked for, or they do not divide a batch or its
        shards.
    """
    asked, there = config.parallel.devices, len(devices)
    if asked > there:
        kind = devices[0].platform
        raise UserError(
            f"config.parallel.devices = {asked}: there {'is' if there == 1 else 'are'} {there} "
            f"({kind}); must be at most {there}, or 0 for all"
        )
    count = asked or there
    if config.parallel.shards % count:
        raise UserError(
            f"config.parallel.shards = {config.parallel.shards}: the {count} devices "
            "(config.parallel.devices) must divide it"
        )
    if (processes := len({device.process_index for device in devices})) > 1 and count < there:
        raise UserError(
            f"config.parallel.devices = {asked}: {processes} processes have {there} devices; must "
            f"be {there}, or 0 for all"
        )
    size, packing = config.train.batch_size, config.packing
    if size // packing % count:
        parts = "images" if packing == 1 else f"packs of {packing} (config.packing)"
        raise UserError(
            f"config.train.batch_size = {size}: the {count} devices (config.parallel.devices) "
            f"must divide its {size // packing} {parts}"
        )
    used = sorted(devices[:count], key=lambda device: device.process_index)  # each one's together
    return Mesh(np.asarray(used), (AXIS,)) if count > 1 else None


def replicate(mesh: Mesh | None, tree: Any) -> Any:
    """The arrays, whole on every device of the mesh; of several processes each gives the same."""
    if mesh is None:
        return tree
    whole = NamedSharding(mesh, PartitionSpec())
    if not mesh.is_multi_process:
        return jax.device_put(tree, whole)
    return jax.tree.map(lambda leaf: _placed(leaf, whole), tree)


def local_replica(mesh: Mesh | None, tree: Any) -> Any:
    """Arrays that are whole everywhere, as one device of this process has them: what is computed
    from them needs no other process. As they are, where there is no other."""
    if mesh is None or not mesh.is_multi_process:
        return tree
    assert all(leaf.is_fully_replicated for leaf in jax.tree.leaves(tree))
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def constrain(mesh: Mesh | None, tree: Any, evenly: bool = True) -> Any:
    """Within `jit`: the arrays, of which every device has its part of the first axis; all of it,
    if it cannot be spread `evenly`."""
    if mesh is None:
        return tree
    spec = PartitionSpec(AXIS) if evenly else PartitionSpec()
    return jax.lax.with_sharding_constraint(tree, NamedSharding(mesh, spec))


def local_slice(mesh: Mesh | None, size: int) -> slice:
    """Which rows of a batch of this size are on the devices of this process."""
    if mesh is None or not mesh.is_multi_process:
        return slice(size)
    owners = [device.process_index for device in mesh.devices.flat]
    first, count = owners.index(jax.process_index()), owners.count(jax.process_index())
    return slice(first * size // len(owners), (first + count) * size // len(owners))


def shard(mesh: Mesh | None, tree: Any, axis: int) -> Any:
    """The arrays, of which every device has its part of an axis; each process gives `own_part`."""
    if mesh is None:
        return jax.device_put(tree)
    parts = NamedSharding(mesh, PartitionSpec(*[None] * axis, AXIS))
    return jax.tree.map(lambda leaf: jax.make_array_from_process_local_data(parts, leaf), tree)


def _placed(leaf: jax.Array, whole: NamedSharding) -> jax.Array:
    """`device_put` without its comparison of the whole array among all processes."""
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_placed(jax.random.key_data(leaf), whole))
    array = np.asarray(leaf)
    return jax.make_array_from_callback(array.shape, whole, lambda _: array)
