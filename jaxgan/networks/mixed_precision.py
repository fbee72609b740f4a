"""A Linen module together with the precision that it is computed in."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn


@dataclasses.dataclass(frozen=True)
class Network:
    """A Linen module that takes and returns float32 arrays, whatever it computes in.

    In bfloat16, parameters and inputs are rounded here, and activations and products are bfloat16.
    Outputs, other variables and gradients have the types of inputs, variables and parameters again.

    Attributes:
      dtype: type of activations and products, "float32" or "bfloat16".
      matmul: precision of float32 products, a value of `jax.default_matmul_precision`.
    """

    module: nn.Module
    dtype: str
    matmul: str

    def init(
        self, key: jax.Array, inputs: jax.Array, train: bool, labels: jax.Array | None = None
    ) -> dict[str, Any]:
        """Returns the module's variables, drawn with `key`."""
        with jax.default_matmul_precision(self.matmul):
            return dict(self.module.init(key, inputs, *_call_args(train, labels)))

    def apply(
        self,
        variables: dict[str, Any],
        inputs: jax.Array,
        train: bool,
        labels: jax.Array | None = None,
        mutable: Sequence[str] | None = None,
    ) -> Any:
        """Returns the outputs and, if `mutable` is given, the new values of those collections."""
        # Running averages are not rounded: the changes that they add are too small for bfloat16.
        params = jax.tree.map(self._round, variables["params"])
        variables = {**variables, "params": params}
        arguments = (variables, self._round(inputs), *_call_args(train, labels))
        with jax.default_matmul_precision(self.matmul):
            outputs, updated = self.module.apply(*arguments, mutable=mutable or [])
        # Losses and penalties are computed in float32 again.
        outputs = outputs.astype(inputs.dtype)
        return outputs if mutable is None else (outputs, updated)

    def _round(self, array: jax.Array) -> jax.Array:
        return array.astype(jnp.bfloat16) if self.dtype == "bfloat16" else array


def _call_args(train: bool, labels: jax.Array | None) -> tuple[Any, ...]:
    """Returns a module's arguments after its inputs; without labels it need not accept any."""
    return (train,) if labels is None else (train, labels)
