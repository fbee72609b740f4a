"""Calls Orbax without what it logs about an error in addition to raising it."""

import contextlib
import functools
import gc
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import jax

Result = TypeVar("Result")


class OrbaxError(Exception):
    """Any error of Orbax and of what it calls, which have no common class, as one line."""


def call_quietly(action: Callable[[], Result]) -> Result:
    """Returns the result of an action that calls Orbax.

    Raises:
      OrbaxError: the action failed.
      JaxRuntimeError: another process was lost.
    """
    _ignore_closed_loops()
    with _quiet():
        try:
            return action()
        except jax.errors.JaxRuntimeError:
            raise
        except Exception as error:
            reason = (str(error) or repr(error)).splitlines()[0]
        # Tasks beside the one that failed log when they are collected. That happens here, where it
        # is hidden, and after the `except`, since until then the error refers to them.
        gc.collect()
    raise OrbaxError(reason)


@contextlib.contextmanager
def no_log_of_threads() -> Iterator[None]:
    """Hides what Orbax's threads log between two calls; their errors it also raises."""
    logger = logging.getLogger("absl")

    # A new function each time, so that the filter of another folder stays.
    def is_of_others(record: logging.LogRecord) -> bool:
        return "orbax" not in Path(record.pathname).parts

    logger.addFilter(is_of_others)
    try:
        yield
    finally:
        logger.removeFilter(is_of_others)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("absl", "asyncio")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _ignore_closed_loops() -> None:
    """Hides the reports of reads and writes that outlive a failure.

    They end at any later time in threads of Orbax's storage library, also between two calls, and
    report to an event loop that is closed by then. So the hook stays.
    """
    # Once only: each failure would wrap the hook of the one before.
    if getattr(sys.unraisablehook, "func", None) is not _unless_loop_is_closed:
        sys.unraisablehook = functools.partial(_unless_loop_is_closed, sys.unraisablehook)


def _unless_loop_is_closed(hook: Callable[[Any], Any], unraisable: Any) -> None:
    if str(unraisable.exc_value) != "Event loop is closed":
        hook(unraisable)
