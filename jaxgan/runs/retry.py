"""Tries file operations again where a file system fails for a moment, as over a network."""

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from jaxgan.config.errors import UserError
from jaxgan.runs.layout import WRITER

Result = TypeVar("Result")

logger = logging.getLogger(__name__)
PATIENCE_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
# A network file system that reconnects gives these; while it is not mounted, the folder is missing.
MOMENTARY = (
    errno.EIO,
    errno.ESTALE,
    errno.EAGAIN,
    errno.ENOENT,
    errno.ENOTCONN,
    errno.ETIMEDOUT,
)
_held: dict[Path, str] = {}


def is_momentary(error: Exception) -> bool:
    """Returns True for an error that may be over in a moment; a full disk is none."""
    if isinstance(error, OSError):
        return error.errno in MOMENTARY
    # Orbax raises errors of its own, which keep the text only.
    return any(os.strerror(number) in str(error) for number in MOMENTARY)


@contextlib.contextmanager
def hold(workdir: Path, writer: str) -> Iterator[None]:
    """Repeats no operation in a run directory unless it is the one that this process holds.

    Args:
      writer: the text of its file `layout.WRITER`.
    """
    _held[workdir] = writer
    try:
        yield
    finally:
        del _held[workdir]


def retry(action: Callable[[], Result], where: Path, failed: Exception | None = None) -> Result:
    """Returns the result of an action, which is repeated for a bounded time if it fails.

    Args:
      action: can be repeated, also after it has failed halfway.
      where: the file or folder.
      failed: the error of a try that was made before.

    Raises:
      Exception: that of the action, if it is not momentary or lasts longer.
      UserError: the file was in the held run directory, which is now another run's.
    """
    end, pause = time.monotonic() + PATIENCE_S, FIRST_PAUSE_S
    if failed:
        _warn(where, failed)
    while True:
        try:
            if failed is None or _is_there(where):
                return action()
        except Exception as error:
            if not is_momentary(error):
                raise
            if failed is None:
                _warn(where, error)
            failed = error
        if failed and time.monotonic() + pause > end:
            raise failed
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def lost_folder(workdir: Path) -> UserError:
    """Returns the error of a run whose directory is no longer its own."""
    return UserError(
        f"--workdir {workdir}: was removed while its run went on, or another command trains there "
        "now; repeat the command to start it again"
    )


def _warn(where: Path, error: Exception) -> None:
    reason = error.strerror if isinstance(error, OSError) else error
    logger.warning(f"{where}: {reason}; trying again for up to {PATIENCE_S:.0f} s")


def _is_there(path: Path) -> bool:
    """Returns False if the path is in a held run directory that is away."""
    for workdir, writer in _held.items():
        if path.is_relative_to(workdir) and path != workdir:
            try:
                found = (workdir / WRITER).read_text()
            except OSError:
                return False
            if found != writer:
                raise lost_folder(workdir)
    return True
