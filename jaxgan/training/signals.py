"""Collects the signals that ask a run to stop, so that it can save first."""

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator
from types import FrameType

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT, SIGTERM and SIGHUP in a list, so that the loop can save before it stops.

    A second SIGINT or SIGTERM does what SIGINT did before: it raises KeyboardInterrupt, or ends the
    command line. The work since the last checkpoint is then lost. SIGHUP, which says that the
    terminal is gone, never counts as a second signal: it comes along with others, or twice.
    """
    caught: list[int] = []
    interrupt = signal.getsignal(signal.SIGINT)

    def note(signum: int, frame: FrameType | None) -> None:
        first = not caught
        caught.append(signum)
        if signum != signal.SIGHUP and len(caught) - caught.count(signal.SIGHUP) > 1:
            # Not callable where SIGINT was ignored, as in a script's background.
            (interrupt if callable(interrupt) else signal.default_int_handler)(signum, frame)
        elif first:
            # Below the progress bar, which leaves the cursor in its line.
            logger.info("\nstopping: saving at the end of this chunk")

    # Python lets no other thread set a handler.
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    # `nohup` has it ignored, so that a run outlives its terminal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield caught
    except Exception as error:
        if len(caught) - caught.count(signal.SIGHUP) > 1:
            # A library may have turned the interrupt into an error of its own.
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
