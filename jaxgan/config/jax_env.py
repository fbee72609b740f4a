"""Where compiled programs are kept on disk, so that a second start does not compile them again.

JAX reads the variable once, when it is imported: so this module imports no JAX.
"""

import hashlib
import importlib.util
import os
import pkgutil
import platform
from pathlib import Path

CACHE_DIR_VARIABLE = "JAX_COMPILATION_CACHE_DIR"
CPUINFO = Path("/proc/cpuinfo")


def set_compile_cache() -> str:
    """Names a folder of the user's to JAX, which makes it; one that is named already stays.

    What is to be said where it could not be written; "" elsewhere.
    """
    if CACHE_DIR_VARIABLE in os.environ:
        return ""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    folder = caches / "jaxgan" / _processor_id()
    there = next(part for part in (folder, *folder.parents) if os.path.exists(part))
    if not (folder.is_absolute() and there.is_dir() and os.access(there, os.W_OK)):
        return (
            f"{folder}: cannot be written, so that programs are compiled at each start; name "
            f"another folder by {CACHE_DIR_VARIABLE}"
        )
    os.environ[CACHE_DIR_VARIABLE] = str(folder)
    return ""


def _processor_id() -> str:
    """Of the processor: a program compiled for one may have instructions that another lacks."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else [platform.processor()]
    kind = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256("\n".join(kind or lines[:1]).encode()).hexdigest()[:16]


DETERMINISTIC_FLAG = (
    "--xla_gpu_deterministic_ops"  # no atomic sums, and no choice of kernels by their timing
)
PLUGIN_PACKAGE = "jax_plugins"  # the package within which JAX looks for what drives a GPU


def set_deterministic_flag(deterministic: bool) -> None:
    """Asks XLA for equal bits, where JAX could find a GPU; a flag that is set already stays."""
    flags = os.environ.get("XLA_FLAGS", "")
    if deterministic and DETERMINISTIC_FLAG not in flags and _has_gpu_plugin():
        os.environ["XLA_FLAGS"] = f"{flags} {DETERMINISTIC_FLAG}=true".strip()


def _has_gpu_plugin() -> bool:
    spec = importlib.util.find_spec(PLUGIN_PACKAGE)
    places = spec.submodule_search_locations if spec else None
    names = [module.name for module in pkgutil.iter_modules(places)] if places else []
    return any(kind in name for name in names for kind in ("cuda", "rocm"))
