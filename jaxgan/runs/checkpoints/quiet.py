"""What Orbax says of an error beside raising it: nothing of that is heard."""

import functools
import logging
import sys
import warnings
from collections.abc import Callable
from typing import Any


def silence_orbax() -> None:
    """Errors reach us as exceptions; Orbax logs each at length too. And after one failed read or
    write, those beside it report to an event loop that is gone, or are never begun."""
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    for name in ("absl", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    if getattr(sys.unraisablehook, "func", None) is not _unless_loop_is_closed:
        sys.unraisablehook = functools.partial(_unless_loop_is_closed, sys.unraisablehook)


def _unless_loop_is_closed(hook: Callable[[Any], Any], unraisable: Any) -> None:
    if str(unraisable.exc_value) != "Event loop is closed":
        hook(unraisable)
