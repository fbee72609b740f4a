"""Starts the training command in forked processes, and watches them until they have ended.

The process that forks has imported all that a run needs and has used no device, so a start takes
the time of the run and not that of the imports.
"""

import fcntl
import functools
import mmap
import os
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.cli import entry, main
from jaxgan.training import loop
from tests.processes import free_port, place

assert main
assert loop  # imported here for the processes that are forked
PATIENCE = 300  # seconds: only processes that Orbax leaves waiting take as long
PIPE_BYTES = 2**20  # what a process prints must fit, since nobody reads it before the end
OPERATIONS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link"}
Seen = Callable[[], object]


class Ended(NamedTuple):
    """How one process ended: its exit status, -N after signal N, and all that it printed."""

    status: int
    printed: str


class Counter:
    """Counts the file operations of a forked process, in memory that it shares with this one."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def value(self) -> int:
        return int(struct.unpack("q", self._memory[:8])[0])

    def add(self) -> int:
        self._memory[:8] = struct.pack("q", self.value + 1)
        return self.value


class Running:
    """The processes of one start.

    Attributes:
      pids: of the processes that have not ended, by their index.
      counter: of the file operations of the first process.
    """

    def __init__(self, pids: dict[int, int], outputs: dict[int, int], counter: Counter):
        self.pids, self.counter = pids, counter
        self._begun = time.monotonic()
        self._outputs = outputs
        self._ended: dict[int, int] = {}

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return time.monotonic() - self._begun

    def poll(self) -> bool:
        """Returns whether a process is still running."""
        for index, pid in list(self.pids.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self.pids[index]
                self._ended[index] = os.waitstatus_to_exitcode(status)
        return bool(self.pids)

    def send(self, number: int, index: int | None = None) -> None:
        """Sends a signal to one process, or to all of them."""
        for pid in [pid for i, pid in self.pids.items() if index in (None, i)]:
            os.kill(pid, number)

    def wait(self, due: Callable[[], bool] = lambda: False) -> bool:
        """Waits until something is due; returns False if all processes have ended before.

        Raises:
          TimeoutError: the processes did not end; they are killed.
        """
        while self.poll():
            if due():
                return True
            if self.seconds > PATIENCE:
                self.send(signal.SIGKILL)
                while self.poll():
                    time.sleep(0.01)
                raise TimeoutError(f"a start took more than {PATIENCE} seconds")
            time.sleep(0.0005)
        return False

    def results(self) -> list[Ended]:
        """Returns how each process ended; all of them must have ended."""
        return [Ended(self._ended[i], _read_all(self._outputs[i])) for i in sorted(self._outputs)]


def start(
    arguments: list[str], watched: Path, count: int, inside: Callable[[int, int], None]
) -> Running:
    """Starts the command in `count` processes, which train one run together.

    Args:
      watched: the folder in which file operations count.
      inside: called before each file operation of each process, with the index of the process and
        the number of the operation, from 1. An error that it raises, the operation raises.
    """
    pids, outputs, port = {}, {}, free_port() if count > 1 else 0
    counters = [Counter() for _ in range(count)]
    for index, counter in enumerate(counters):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        flags = place(index, port, count) if count > 1 else ()
        pid = os.fork()
        if not pid:
            watch_operations(watched, functools.partial(_count, counter, inside, index))
            _run([*arguments, *flags], writer)
        os.close(writer)
        pids[index], outputs[index] = pid, reader
    return Running(pids, outputs, counters[0])


def watch_operations(folder: Path, seen: Seen) -> None:
    """Calls `seen` before each operation on files in `folder` that this process does from Python.

    An error that `seen` raises, the operation raises. It cannot be taken back.
    """

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
        if not (writes or event in OPERATIONS):
            return
        # Within a tree that is being removed, names are relative.
        path = "" if isinstance(arguments[0], int) else os.fsdecode(arguments[0])
        if not path.startswith("/") or path.startswith(str(folder)):
            seen()

    sys.addaudithook(hook)


def _count(counter: Counter, inside: Callable[[int, int], None], index: int) -> None:
    inside(index, counter.add())


def _run(arguments: list[str], output: int) -> None:
    """Runs the command in this process, which then ends."""
    status = 70
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv[1:] = arguments
        status = entry.run()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _read_all(descriptor: int) -> str:
    # Without waiting: a process that the command has started may live longer, and has the pipe too.
    os.set_blocking(descriptor, False)
    with os.fdopen(descriptor, "rb") as pipe:
        return (pipe.read() or b"").decode(errors="replace")
