"""A network as it is computed: its module, and in which precision."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.config.network import NetworkConfig


@dataclasses.dataclass(frozen=True)
class Network:
    """A Linen module of which all that goes in and comes out is as if computed in float32.

    In bfloat16 its parameters and inputs are rounded here, and so are activations and products;
    its outputs, other variables and gradients are of the type of its inputs, variables and
    parameters again.

    Attributes:
      dtype: of activations and products: float32 or bfloat16.
      matmul: how products of float32 are computed, as `jax.default_matmul_precision` has it.
    """

    module: nn.Module
    dtype: str
    matmul: str

    def init(self, key: jax.Array, inputs: jax.Array, *others: Any) -> dict[str, Any]:
        with jax.default_matmul_precision(self.matmul):
            return dict(self.module.init(key, inputs, *others))

    def apply(
        self,
        variables: dict[str, Any],
        inputs: jax.Array,
        train: bool,
        labels: jax.Array | None = None,
        mutable: Sequence[str] | None = None,
    ) -> Any:
        """Outputs; and the new values of the variables named by `mutable`, where that is given."""
        others = (train,) if labels is None else (train, labels)
        params = jax.tree.map(self._rounded, variables["params"])
        given = ({**variables, "params": params}, self._rounded(inputs), *others)
        with jax.default_matmul_precision(self.matmul):
            outputs, updated = self.module.apply(*given, mutable=mutable or [])
        outputs = outputs.astype(inputs.dtype)
        return outputs if mutable is None else (outputs, updated)

    def _rounded(self, array: jax.Array) -> jax.Array:
        return array.astype(jnp.bfloat16) if self.dtype == "bfloat16" else array


def with_precision(module: nn.Module, config: NetworkConfig) -> Network:
    return Network(module, config.precision, config.matmul_precision)
