"""Lines on standard error: the library's log, and the error that ends a command."""

import logging
import os
import sys
from typing import TextIO


class _StderrHandler(logging.Handler):
    """Writes each record as one line on standard error.

    If standard error was closed, as by `2>&1 | head`, or its terminal is gone, it discards the rest
    and the run goes on.
    """

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning: " if record.levelno >= logging.WARNING else ""
        try:
            print(f"{level}{record.getMessage()}", file=sys.stderr, flush=True)
        except OSError:
            discard_output(sys.stderr)
            try:
                os.write(1, b"")  # an error only where the terminal of both is gone
            except OSError:
                discard_output(sys.stdout)


def show_log() -> None:
    """Shows the library's log on standard error, from level INFO on."""
    logger = logging.getLogger("jaxgan")
    logger.setLevel(logging.INFO)
    # Importing Orbax gives the root logger a handler, which would print each line a second time.
    logger.propagate = False
    # `main` can be called several times in one process, as the tests do.
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        logger.addHandler(_StderrHandler())


def discard_output(stream: TextIO) -> None:
    """Lets a stream that nobody reads any more lead nowhere, so that no later write raises."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_error(message: str, status: int) -> int:
    """Prints an error as one line; returns the exit status."""
    print(f"jaxgan: error: {' '.join(message.split())}", file=sys.stderr)
    return status
