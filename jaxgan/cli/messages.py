"""Prints for the command line: results, the library's log, and the error that ends a command.

Names and texts of a run may come from a stranger, and a control character in them could move the
cursor of a terminal or change its settings. So all of it is printed through `printable`.
"""

import logging
import os
import sys
import warnings
from collections.abc import Mapping
from typing import TextIO


class _StderrHandler(logging.Handler):
    """Writes each record as one line on standard error.

    If standard error was closed, as by `2>&1 | head`, or its terminal is gone, it discards the rest
    and the run goes on.
    """

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning: " if record.levelno >= logging.WARNING else ""
        try:
            print(printable(f"{level}{record.getMessage()}"), file=sys.stderr, flush=True)
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


def hide_image_warnings() -> None:
    """Silences PIL's warnings about image files; those that matter are errors of `jaxgan.data`."""
    # For the whole process: the threads of a streamed run could not each set and restore a filter.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def discard_output(stream: TextIO) -> None:
    """Lets a stream that nobody reads any more lead nowhere, so that no later write raises."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_error(message: str, status: int) -> int:
    """Prints an error as one line; returns the exit status."""
    print(printable(f"jaxgan: error: {' '.join(message.split())}"), file=sys.stderr)
    return status


def print_text(text: str) -> None:
    """Prints lines of a result on standard output."""
    # At once also into a pipe: a bench goes on for minutes.
    print(printable(text), flush=True)


def align_names(summaries: Mapping[str, str]) -> list[str]:
    """Returns a line for each name, with its summary."""
    width = max(map(len, summaries))
    return [f"{name:{width}}  {summary}" for name, summary in summaries.items()]


def printable(text: str) -> str:
    """Returns a text with escapes such as \\x1b for all that is neither shown nor a new line."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )
