"""Environment variables that JAX reads when it is imported: set them before that.

They name the folder of compiled programs, so that a second start need not compile them again, and
ask a GPU for deterministic kernels. This module therefore does not import JAX.
"""

import contextlib
import hashlib
import importlib.util
import os
import pkgutil
import platform
from pathlib import Path

from jaxgan.config.errors import UserError

CACHE_DIR_VARIABLE = "JAX_COMPILATION_CACHE_DIR"
CACHE_SIZE_VARIABLE = "JAX_COMPILATION_CACHE_MAX_SIZE"
CACHE_TIME_VARIABLE = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
CACHE_BYTES = 2 * 10**9
CACHE_SECONDS = 0.05  # JAX's own 1 s would compile the order of the examples at each start
CPUINFO = Path("/proc/cpuinfo")
# Excludes atomic sums, and the choice of a kernel by its measured time.
DETERMINISTIC_FLAG = "--xla_gpu_deterministic_ops"
PLUGIN_PACKAGE = "jax_plugins"  # where JAX looks for GPU backends
GPU_INDEX_VARIABLES = ("JAX_CUDA_VISIBLE_DEVICES", "JAX_ROCM_VISIBLE_DEVICES")
OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"  # in the text of JAX's error
MEMORY_HINT = (
    "Look first at what else holds it: nvidia-smi lists the programs on a GPU, and JAX takes three "
    "quarters of one unless XLA_PYTHON_CLIENT_PREALLOCATE=false is set"
)


def set_compile_cache() -> str:
    """Sets JAX's compilation cache to a bounded folder of the user, unless one is set already.

    Programs are stored that take CACHE_SECONDS to compile, unless the user chose another time.

    Returns:
      A warning if the folder could not be written, else "".

    Raises:
      UserError: the bound that the user set is not a number.
    """
    os.environ.setdefault(CACHE_TIME_VARIABLE, str(CACHE_SECONDS))
    warning = "" if CACHE_DIR_VARIABLE in os.environ else _set_default_cache()
    bound = os.environ.get(CACHE_SIZE_VARIABLE)
    if bound is not None and not bound.removeprefix("-").isdecimal():
        raise UserError(
            f"{CACHE_SIZE_VARIABLE}={bound}: must be a whole number of bytes, such as "
            f"{CACHE_BYTES}, or -1 for no bound"
        )
    if bound is not None and CACHE_DIR_VARIABLE in os.environ:
        _add_missing_times(Path(os.environ[CACHE_DIR_VARIABLE]))
    return warning


def _set_default_cache() -> str:
    """Sets the folder and the bound, as `set_compile_cache`."""
    folder = user_cache() / _processor_id()
    # JAX makes the folder when it first has something to store, and only warns where it cannot. So
    # the folder above is tested now, and nothing is created for a command that compiles nothing.
    existing = next(part for part in (folder, *folder.parents) if os.path.exists(part))
    if not (folder.is_absolute() and existing.is_dir() and os.access(existing, os.W_OK)):
        return (
            f"{folder}: cannot be written, so programs are compiled again at each start; set "
            f"{CACHE_DIR_VARIABLE} to another folder"
        )
    os.environ[CACHE_DIR_VARIABLE] = str(folder)
    os.environ.setdefault(CACHE_SIZE_VARIABLE, str(CACHE_BYTES))
    return ""


def _add_missing_times(folder: Path) -> None:
    """Gives every stored program a file with the time of its last use.

    JAX writes that file only while the cache has a bound. Where it is missing, because the cache
    has grown without one or a process was killed, every write of a bounded cache fails.
    """
    try:
        names = set(os.listdir(folder))
    except OSError:  # there is none yet, or it is not a local one
        return
    for key in (name.removesuffix("-cache") for name in names if name.endswith("-cache")):
        if f"{key}-atime" not in names:
            with contextlib.suppress(OSError):  # another process may have removed the program
                stat = (folder / f"{key}-cache").stat()
                used = max(stat.st_atime_ns, stat.st_mtime_ns).to_bytes(8, "little")
                (folder / f"{key}-atime").write_bytes(used)


def user_cache() -> Path:
    """Returns the folder of jaxgan among the user's caches, whether it exists or not."""
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(caches) / "jaxgan"


def _processor_id() -> str:
    """Returns a hash of the processor's model: others may lack instructions of a program."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else [platform.processor()]
    # A set, since each core repeats its lines.
    model = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256("\n".join(model or lines[:1]).encode()).hexdigest()[:16]


def set_deterministic_flag(deterministic: bool) -> None:
    """Asks XLA for deterministic kernels if JAX may find a GPU, unless the user set the flag."""
    flags = os.environ.get("XLA_FLAGS", "")
    if deterministic and DETERMINISTIC_FLAG not in flags and _has_gpu_plugin():
        os.environ["XLA_FLAGS"] = f"{flags} {DETERMINISTIC_FLAG}=true".strip()


def open_one_gpu() -> None:
    """Lets JAX open the first GPU only, unless the user has chosen some.

    It would take three quarters of the memory of every one. The first one is that of those that
    CUDA_VISIBLE_DEVICES leaves, which numbers them anew.
    """
    if _has_gpu_plugin() and not any(name in os.environ for name in GPU_INDEX_VARIABLES):
        os.environ.update(dict.fromkeys(GPU_INDEX_VARIABLES, "0"))


def _has_gpu_plugin() -> bool:
    # Looked up and not imported: JAX must not start before the flags are set.
    spec = importlib.util.find_spec(PLUGIN_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    names = [module.name for module in pkgutil.iter_modules(folders)] if folders else []
    return any(vendor in name for name in names for vendor in ("cuda", "rocm"))
