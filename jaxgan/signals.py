"""Signals that ask a run to stop: noted, so that it can save first."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM, so that the loop can save first; a second one ends at once."""
    caught: list[int] = []

    def note(signum, frame):
        del frame
        if caught:
            raise KeyboardInterrupt
        caught.append(signum)
        print("\nstopping: saving at the end of this chunk", file=sys.stderr)

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
