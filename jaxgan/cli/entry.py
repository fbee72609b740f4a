"""Starts the command line, which Ctrl-C ends with one line from here on: also while it imports."""

import contextlib
import os
import signal
import sys
from types import FrameType

INTERRUPTED = "jaxgan: error: interrupted; steps of a run after its last checkpoint are lost\n"
INTERRUPTED_WITHOUT_TRAINING = "jaxgan: error: interrupted; repeat the command\n"


def run() -> int:
    """Runs the command of this process; returns its exit status."""
    signal.signal(signal.SIGINT, _end_process)

    from jaxgan.cli.main import main  # late, so that the handler is there while it imports

    return main()


def _end_process(number: int, frame: FrameType | None) -> None:
    """Handles a signal by ending the process at once, as a kill does, which no run is harmed by.

    KeyboardInterrupt instead would be lost in a callback of the interpreter, be made another error
    by a library, or leave threads of Orbax behind that report how the interpreter's end fails them.
    """
    del frame
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    verb = sys.argv[1] if sys.argv[1:] else "train"
    trains = verb == "train" or verb.startswith("-")
    line = INTERRUPTED if trains else INTERRUPTED_WITHOUT_TRAINING
    # A terminal has the cursor behind "^C" or a progress bar. Not by `print`, which may be at work.
    with contextlib.suppress(OSError):
        os.write(2, ("\n" * os.isatty(2) + line).encode())
    os._exit(128 + number)
