"""Programs that run once or a few times: compiling them takes longer than running them."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax

Function = TypeVar("Function", bound=Callable[..., Any])
# Less work for the compiler of a CPU.
OPTIONS = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}


def jit_quickly(function: Function, **arguments: Any) -> Function:
    """Jits a function so that a CPU compiles it in about half the time. It runs no faster.

    Elsewhere, and within another jitted function, it is as `jax.jit`. Use it for integers and for
    random draws: a sum of floats may be added up in another order, which changes its last bit.

    Args:
      arguments: those of `jax.jit`, such as `static_argnums`.
    """
    plain = jax.jit(function, **arguments)
    quick = jax.jit(function, compiler_options=OPTIONS, **arguments)

    @functools.wraps(function)
    def call(*inputs: Any) -> Any:
        # JAX takes options for the outermost program only.
        traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(inputs))
        if traced or jax.default_backend() != "cpu":
            return plain(*inputs)
        return quick(*inputs)

    return call  # type: ignore[return-value]
