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

from jaxgan.config import Config, UserError

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
    size, packing = config.train.batch_size, config.packing
    if size // packing % count:
        parts = "images" if packing == 1 else f"packs of {packing} (config.packing)"
        raise UserError(
            f"config.train.batch_size = {size}: the {count} devices (config.parallel.devices) "
            f"must divide its {size // packing} {parts}"
        )
    return Mesh(np.asarray(devices[:count]), (AXIS,)) if count > 1 else None


def on_all(mesh: Mesh | None, tree: Any) -> Any:
    """The arrays, whole on every device of the mesh."""
    return tree if mesh is None else jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def spread(mesh: Mesh | None, tree: Any) -> Any:
    """Within `jit`: the arrays, of which every device has its part of the first axis."""
    if mesh is None:
        return tree
    return jax.lax.with_sharding_constraint(tree, NamedSharding(mesh, PartitionSpec(AXIS)))
