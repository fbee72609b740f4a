"""The memory of this machine, against which sizes that a file claims are checked."""

import os


def host_memory() -> float:
    """Returns the bytes of memory that this machine has; infinity if the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # Windows has no such function, and another system may not know the names.
    except (AttributeError, ValueError, OSError):
        return float("inf")
