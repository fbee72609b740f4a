"""Environment variables that JAX reads when it is imported: set them before that.

They name the folder of compiled programs, so that a second start need not compile them again, and
ask a GPU for deterministic kernels. This module therefore does not import JAX.
"""

import hashlib
import importlib.util
import os
import pkgutil
import platform
from pathlib import Path

CACHE_DIR_VARIABLE = "JAX_COMPILATION_CACHE_DIR"
CPUINFO = Path("/proc/cpuinfo")
# Excludes atomic sums, and the choice of a kernel by its measured time.
DETERMINISTIC_FLAG = "--xla_gpu_deterministic_ops"
PLUGIN_PACKAGE = "jax_plugins"  # where JAX looks for GPU backends


def set_compile_cache() -> str:
    """Sets JAX's compilation cache to a folder of the user, unless one is set already.

    Returns:
      A warning if the folder could not be written, else "".
    """
    if CACHE_DIR_VARIABLE in os.environ:
        return ""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    folder = caches / "jaxgan" / _processor_id()
    # JAX makes the folder when it first has something to store, and only warns where it cannot. So
    # the folder above is tested now, and nothing is created for a command that compiles nothing.
    existing = next(part for part in (folder, *folder.parents) if os.path.exists(part))
    if not (folder.is_absolute() and existing.is_dir() and os.access(existing, os.W_OK)):
        return (
            f"{folder}: cannot be written, so programs are compiled again at each start; set "
            f"{CACHE_DIR_VARIABLE} to another folder"
        )
    os.environ[CACHE_DIR_VARIABLE] = str(folder)
    return ""


def _processor_id() -> str:
    """A hash of the processor's model: another one may lack instructions of a compiled program."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else [platform.processor()]
    # A set, since each core repeats its lines.
    model = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256("\n".join(model or lines[:1]).encode()).hexdigest()[:16]


def set_deterministic_flag(deterministic: bool) -> None:
    """Asks XLA for deterministic kernels if JAX may find a GPU, unless the user set the flag."""
    flags = os.environ.get("XLA_FLAGS", "")
    if deterministic and DETERMINISTIC_FLAG not in flags and _has_gpu_plugin():
        os.environ["XLA_FLAGS"] = f"{flags} {DETERMINISTIC_FLAG}=true".strip()


def _has_gpu_plugin() -> bool:
    # Looked up and not imported: JAX must not start before the flags are set.
    spec = importlib.util.find_spec(PLUGIN_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    names = [module.name for module in pkgutil.iter_modules(folders)] if folders else []
    return any(vendor in name for name in names for vendor in ("cuda", "rocm"))
