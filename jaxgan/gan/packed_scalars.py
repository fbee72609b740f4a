"""Named scalars as one array, so that a loop over steps writes one row and not many numbers."""

from collections.abc import Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp


@flax.struct.dataclass
class PackedScalars:
    """Scalars of one type.

    Attributes:
      values: an array whose last axis is that of the names.
    """

    values: Any
    names: tuple[str, ...] = flax.struct.field(pytree_node=False)


def pack_scalars(scalars: Mapping[str, jax.Array]) -> PackedScalars:
    """Returns the scalars, one or more, as one array; an integer among floats becomes a float."""
    return PackedScalars(jnp.stack(list(scalars.values())), tuple(scalars))


def unpack_scalars(packed: PackedScalars) -> dict[str, jax.Array]:
    """Returns the array of each name, without the axis of the names."""
    return {name: packed.values[..., index] for index, name in enumerate(packed.names)}
