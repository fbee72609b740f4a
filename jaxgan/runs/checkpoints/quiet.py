"""Calls Orbax without what it logs about an error in addition to raising it."""

import contextlib
import functools
import gc
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax

Result = TypeVar("Result")
LOGGERS = ("absl", "asyncio")


class OrbaxError(Exception):
    """Any error of Orbax and of what it calls, which have no common class, as one line."""


def call_quietly(action: Callable[[], Result]) -> Result:
    """Returns the result of an action that calls Orbax.

    Raises:
      OrbaxError: the action failed.
      JaxRuntimeError: another process was lost.
    """
    with _quiet():
        try:
            return action()
        except jax.errors.JaxRuntimeError:
            raise
        except Exception as error:
            reason = (str(error) or repr(error)).splitlines()[0]
        # Tasks beside the one that failed report to a closed event loop when they are collected.
        gc.collect()
    raise OrbaxError(reason)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    hook = sys.unraisablehook
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        sys.unraisablehook = functools.partial(_unless_loop_is_closed, hook)
        try:
            yield
        finally:
            sys.unraisablehook = hook
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _unless_loop_is_closed(hook: Callable[[Any], Any], unraisable: Any) -> None:
    if str(unraisable.exc_value) != "Event loop is closed":
        hook(unraisable)
