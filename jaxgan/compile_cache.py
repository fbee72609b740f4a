"""Where compiled programs are kept on disk, so that a second start does not compile them again.

JAX reads the variable once, when it is imported: so this module imports no JAX.
"""

import hashlib
import os
import platform
from pathlib import Path

VARIABLE = "JAX_COMPILATION_CACHE_DIR"
CPUINFO = Path("/proc/cpuinfo")


def set_cache() -> str:
    """Names a folder of the user's to JAX, which makes it; one that is named already stays.

    What is to be said where it could not be written; "" elsewhere.
    """
    if VARIABLE in os.environ:
        return ""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    folder = caches / "jaxgan" / _processor()
    there = next(part for part in (folder, *folder.parents) if os.path.exists(part))
    if not (folder.is_absolute() and there.is_dir() and os.access(there, os.W_OK)):
        return (
            f"{folder}: cannot be written, so that programs are compiled at each start; name "
            f"another folder by {VARIABLE}"
        )
    os.environ[VARIABLE] = str(folder)
    return ""


def _processor() -> str:
    """Of the processor: a program compiled for one may have instructions that another lacks."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else [platform.processor()]
    kind = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256("\n".join(kind or lines[:1]).encode()).hexdigest()[:16]
