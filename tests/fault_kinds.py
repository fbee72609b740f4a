"""The faults that `tests.faults` draws by chance; the table FAULTS has every kind."""

import contextlib
import errno
import functools
import itertools
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from jaxgan.runs import checkpoints, layout
from tests.fault_starts import Running

SMALL_DISK = 2**30  # bytes: a file system up to this size is really filled
REFUSALS = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO)
YEAR = 365 * 24 * 3600
SIGNS: dict[str, Callable[[os.DirEntry], bool]] = {  # of something that is or was just written
    "a temporary file": lambda entry: entry.name.endswith(".new") or "tmp" in entry.name,
    "a checkpoint": lambda entry: entry.name.isdecimal(),
    "rows": lambda entry: entry.name.endswith((".jsonl", ".tsv")),
    "a picture": lambda entry: entry.name.endswith(".png"),
}


class Case(NamedTuple):
    """A config, its data, and what a run of it does when nothing disturbs it.

    Attributes:
      arguments: of the training command, all but `--workdir`.
      folder: holds the data and all runs of this config.
      processes: how many train one run together.
      seconds, operations: the duration and the number of file operations of an undisturbed run.
    """

    name: str
    arguments: list[str]
    folder: Path
    processes: int
    seconds: float = 0.0
    operations: int = 0


def _nothing(*_: object) -> None:
    pass


class Fault(NamedTuple):
    """One fault during one start.

    Attributes:
      text: what happens, for people.
      statuses: the exit statuses that a process may have after it; None allows any, and the
        pages that JAX logs about a lost process.
      inside: called in the process before each of its file operations, with the index of the
        process and the number of the operation, from 1.
      watch: does the rest from outside, and returns when all processes have ended.
      undo: takes the fault away afterwards.
      damaged: the file of the run directory that was damaged, relative to it.
    """

    text: str
    statuses: tuple[int, ...] | None
    inside: Callable[[int, int], None] = _nothing
    watch: Callable[[Running], object] = Running.wait
    undo: Callable[[], None] = _nothing
    damaged: str = ""


def kill_at_an_instant(case: Case, workdir: Path, chance: random.Random) -> Fault:
    part = chance.random()
    return Fault(f"killed at {part:.0%}", (0, -signal.SIGKILL), watch=_at(case, part, _kill))


def kill_before_an_operation(case: Case, workdir: Path, chance: random.Random) -> Fault:
    first = chance.randint(1, case.operations)

    def inside(index: int, number: int) -> None:
        if index == 0 and number == first:
            os.kill(os.getpid(), signal.SIGKILL)

    text = f"killed before file operation {first}"
    return Fault(text, _statuses(case, 0, -signal.SIGKILL), inside=inside)


def kill_at_a_sign(case: Case, workdir: Path, chance: random.Random) -> Fault:
    sign, count = chance.choice(list(SIGNS)), chance.randint(1, 4)
    delay = chance.choice((0.0, chance.uniform(0, 0.02)))

    def watch(running: Running) -> None:
        if running.wait(_seen(workdir, sign, count)):
            time.sleep(delay)
            _kill(running)
            running.wait()

    return Fault(f"killed when {sign} was seen", (0, -signal.SIGKILL), watch=watch)


def stop_and_continue(case: Case, workdir: Path, chance: random.Random) -> Fault:
    part, seconds = chance.random(), chance.uniform(0.2, 3)
    index = chance.choice((None, *range(case.processes)))

    def stop(running: Running) -> None:
        running.send(signal.SIGSTOP, index)
        time.sleep(seconds)
        running.send(signal.SIGCONT, index)

    return Fault(f"stopped for {seconds:.1f} s at {part:.0%}", (0,), watch=_at(case, part, stop))


def ask_to_end(case: Case, workdir: Path, chance: random.Random) -> Fault:
    part, index = chance.uniform(0.02, 1), chance.choice((None, *range(case.processes)))
    number = chance.choice((signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    # A signal can come before the command has set its handlers.
    allowed = _statuses(case, 0, 128 + number, 128 + signal.SIGINT, -number)
    watch = _at(case, part, lambda running: running.send(number, index))
    return Fault(f"{number.name} at {part:.0%}", allowed, watch=watch)


def fill_the_disk(case: Case, workdir: Path, chance: random.Random) -> Fault:
    part, limit = chance.random(), chance.choice((0, chance.randint(0, 4000)))
    filler = case.folder / "filler"
    system = os.statvfs(case.folder)
    if system.f_blocks * system.f_frsize <= SMALL_DISK:
        watch = _at(case, part, lambda running: _fill(filler))
        undo = functools.partial(filler.unlink, missing_ok=True)
        return Fault(f"disk full at {part:.0%}", _statuses(case, 0, 2), watch=watch, undo=undo)
    watch = _at(case, part, functools.partial(_limit_files, limit))
    text = f"no file larger than {limit} bytes from {part:.0%} on"
    return Fault(text, _statuses(case, 0, 2), watch=watch)


def refuse_writes(case: Case, workdir: Path, chance: random.Random) -> Fault:
    number, first = chance.choice(REFUSALS), chance.randint(1, case.operations)
    count = chance.choice((1, 3, 10**9))

    def inside(index: int, operation: int) -> None:
        if index == 0 and first <= operation < first + count:
            raise OSError(number, os.strerror(number))

    times = "all from" if count > 3 else f"{count} from"
    text = f"{os.strerror(number)}: {times} file operation {first} on"
    return Fault(text, _statuses(case, 0, 2), inside=inside)


def set_the_clock_back(case: Case, workdir: Path, chance: random.Random) -> Fault:
    first, seconds = chance.randint(1, case.operations), chance.uniform(1, 10 * YEAR)
    future = time.time() + chance.uniform(0, YEAR)
    for path in workdir.rglob("*"):
        os.utime(path, (future, future))

    def inside(index: int, number: int) -> None:
        if number == first:
            _set_clock(-seconds)

    return Fault(f"clock {seconds / 3600:.1f} h back", (0,), inside=inside)


def damage_the_run(case: Case, workdir: Path, chance: random.Random) -> Fault | None:
    files = sorted(_damageable(workdir))
    if not files:
        return None
    path = chance.choice(files)
    name, before = str(path.relative_to(workdir)), path.read_bytes()
    how = damage_file(path, chance)

    def undo() -> None:
        # A damaged checkpoint may have been set aside, with its folder.
        if path.parent.is_dir():
            path.write_bytes(before)

    return Fault(f"{name} {how}", _statuses(case, 0, 2), undo=undo, damaged=name)


def damage_the_data(case: Case, workdir: Path, chance: random.Random) -> Fault | None:
    files = sorted(path for path in (case.folder / "data").rglob("*") if path.is_file())
    if not files:
        return None
    path, part = chance.choice(files), chance.choice((0.0, chance.random()))
    before, text = path.read_bytes(), []

    def damage(running: Running | None = None) -> None:
        text.append(damage_file(path, chance))

    undo = functools.partial(path.write_bytes, before)
    name = path.relative_to(case.folder)
    if not part:
        damage()
        return Fault(f"{name} {text[0]}", _statuses(case, 0, 2), undo=undo)
    watch = _at(case, part, damage)
    return Fault(f"{name} damaged at {part:.0%}", _statuses(case, 0, 2), watch=watch, undo=undo)


def lose_a_process(case: Case, workdir: Path, chance: random.Random) -> Fault | None:
    if case.processes == 1:
        return None
    part, index = chance.random(), chance.randrange(case.processes)
    watch = _at(case, part, lambda running: running.send(signal.SIGKILL, index))
    return Fault(f"process {index} lost at {part:.0%}", None, watch=watch)


def _statuses(case: Case, *alone: int) -> tuple[int, ...] | None:
    """Returns the statuses if one process trains; any are allowed where one may end the others."""
    return alone if case.processes == 1 else None


def _at(case: Case, part: float, action: Callable[[Running], object]) -> Callable[[Running], None]:
    """Does something after a part of the usual duration of a run."""

    def watch(running: Running) -> None:
        if running.wait(lambda: running.seconds > part * case.seconds):
            action(running)
            running.wait()

    return watch


def _kill(running: Running) -> None:
    running.send(signal.SIGKILL)


def _fill(path: Path) -> None:
    """Writes a file until its file system has no room left."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass


def _limit_files(limit: int, running: Running) -> None:
    """Lets every write fail that would make a file larger than so many bytes."""
    for pid in running.pids.values():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, limit))


def _set_clock(shift: float) -> None:
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + shift
    time.time_ns = lambda: now_ns() + int(shift * 1e9)


def _damageable(workdir: Path) -> Iterator[Path]:
    """Yields the files of a run. Of its checkpoints only the newest, which is sure to be read."""
    for path in workdir.rglob("*"):
        parents = [parent for parent in path.parents if parent.parent.name == layout.CHECKPOINTS]
        if not path.is_file() or (parents and not _is_newest(parents[0])):
            continue
        yield path


def _is_newest(checkpoint: Path) -> bool:
    steps = checkpoints.steps(checkpoint.parent)
    return bool(steps) and checkpoint.name == str(steps[-1])


def damage_file(path: Path, chance: random.Random) -> str:
    """Cuts a file, or flips one bit of it; returns in words what was done."""
    content = bytearray(path.read_bytes())
    if not content or chance.random() < 0.5:
        size = chance.choice((0, chance.randint(0, len(content))))
        path.write_bytes(content[:size])
        return f"cut from {len(content)} to {size} bytes"
    place, bit = chance.randrange(len(content)), chance.randrange(8)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    return f"with bit {bit} of byte {place} flipped"


def _seen(workdir: Path, sign: str, count: int) -> Callable[[], bool]:
    """Returns a function that returns True once a sign was seen for the `count`th time."""
    before = set(_signs(workdir, sign))
    left = count

    def seen() -> bool:
        nonlocal before, left
        now = set(_signs(workdir, sign))
        left -= not now <= before
        before = now
        return left <= 0

    return seen


def _signs(workdir: Path, sign: str) -> Iterator[tuple[str, int]]:
    try:
        runs = [workdir, *workdir.glob("seed_*")]
    except OSError:  # up to Python 3.12 a folder may come or go between glob's own looks at it
        return
    parts = ("", layout.CHECKPOINTS, layout.BEST_CHECKPOINT, layout.SAMPLES)
    for run, part in itertools.product(runs, parts):
        try:
            with os.scandir(run / part) as entries:
                for entry in filter(SIGNS[sign], entries):
                    grows = not entry.is_dir()
                    yield entry.path, entry.stat().st_mtime_ns if grows else 0
        except OSError:  # not yet there, or just gone
            continue


FAULTS: dict[str, Callable[[Case, Path, random.Random], Fault | None]] = {
    "killed at an instant": kill_at_an_instant,
    "killed before a file operation": kill_before_an_operation,
    "killed when something was written": kill_at_a_sign,
    "stopped and continued": stop_and_continue,
    "asked to end": ask_to_end,
    "disk full": fill_the_disk,
    "write refused": refuse_writes,
    "clock set back": set_the_clock_back,
    "file of the run damaged": damage_the_run,
    "file of the data damaged": damage_the_data,
    "another process lost": lose_a_process,
}
DAMAGES = ("file of the run damaged", "file of the data damaged")
