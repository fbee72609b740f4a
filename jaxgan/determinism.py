"""The flags that make a GPU give the same bits in every run of a program.

XLA reads them once, when JAX first looks for devices: so this module imports no JAX.
"""

import importlib.util
import os
import pkgutil

FLAG = "--xla_gpu_deterministic_ops"  # no atomic sums, and no choice of kernels by their timing
PLUGINS = "jax_plugins"  # the package within which JAX looks for what drives a GPU


def set_flags(deterministic: bool) -> None:
    """Asks XLA for equal bits, where JAX could find a GPU; a flag that is set already stays."""
    flags = os.environ.get("XLA_FLAGS", "")
    if deterministic and FLAG not in flags and _may_find_a_gpu():
        os.environ["XLA_FLAGS"] = f"{flags} {FLAG}=true".strip()


def missing(deterministic: bool, backend: str) -> str:
    """What is to be said where equal bits are asked for and cannot be promised; "" elsewhere."""
    if not deterministic or backend != "gpu" or f"{FLAG}=true" in os.environ.get("XLA_FLAGS", ""):
        return ""
    return (
        "config.deterministic = True: another run of this config on this GPU may have other bits, "
        f"since JAX was started without XLA_FLAGS={FLAG}=true; set that before importing jax"
    )


def _may_find_a_gpu() -> bool:
    spec = importlib.util.find_spec(PLUGINS)
    places = spec.submodule_search_locations if spec else None
    names = [module.name for module in pkgutil.iter_modules(places)] if places else []
    return any(kind in name for name in names for kind in ("cuda", "rocm"))
