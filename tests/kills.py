"""Kills runs with SIGKILL at any moment, starts each again until it is done, and compares every
byte with a run that was never disturbed.

python -m tests.kills --kills 200 --seed 0     (exit 1 on any difference)

A kill comes at an instant of the whole duration, or just before one of the file operations that
a run does from Python, or as soon as something new is seen in its folder. Runs are forked from
this process, which has imported all that they need and has touched no device.
"""

import argparse
import itertools
import json
import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgan.cli import main as cli
from jaxgan.runs import layout
from jaxgan.training import loop
from tests import figure_data, tiny
from tests.dir_compare import compare
from tests.kill_configs import CONFIGS, LONG, ROOT, arguments_of, side

WITH_FIGURE_DATA = """
import sys
from jaxgan.cli.main import main
from tests import figure_data

figure_data.save_data_of_figures()
sys.exit(main())
"""
PATIENCE = 300  # seconds that no start takes


class Kill(NamedTuple):
    """When a start is to be killed: `count` and `seconds` mean what the `kind` says."""

    kind: str
    count: int
    seconds: float


class Undisturbed(NamedTuple):
    workdir: Path
    seconds: float
    operations: int


SIGNS: dict[str, Callable[[os.DirEntry], bool]] = {  # of what is being, or has just been, written
    "temporary": lambda entry: entry.name.endswith(".new") or "tmp" in entry.name,
    "checkpoint": lambda entry: entry.name.isdecimal(),
    "rows": lambda entry: entry.name.endswith((".jsonl", ".tsv")),
    "picture": lambda entry: entry.name.endswith(".png"),
}
AT_AN_INSTANT, BEFORE_AN_OPERATION = "instant", "operation"
KINDS = (AT_AN_INSTANT, BEFORE_AN_OPERATION, *SIGNS)
OPERATIONS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="over all configs (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument("--configs", nargs="+", choices=CONFIGS, default=LONG)
    parser.add_argument("--folder", type=Path, help="where the runs are left (default: nowhere)")
    parser.add_argument("--figure_data", action="store_true", help="save data in place of drawing")
    options = parser.parse_args(argv)
    if options.figure_data:
        figure_data.save_data_of_figures()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="kills-"))
    shared = os.environ.get("JAXGAN_TESTS_COMPILED")  # by the tests
    _compile_once(Path(shared or folder / "compiled"))
    begun, counts, differing = time.monotonic(), dict.fromkeys(KINDS, 0), 0
    for i, name in enumerate(options.configs):
        share = (options.kills + i) // len(options.configs)
        program = ["-c", WITH_FIGURE_DATA] if options.figure_data else [str(ROOT / "run.py")]
        differing += _kill_config(name, program, folder / name, share, options.seed, counts)
    if not options.folder:
        shutil.rmtree(folder)
    kinds = ", ".join(f"{kind} {count}" for kind, count in counts.items())
    seconds = time.monotonic() - begun
    print(f"{sum(counts.values())} kills ({kinds}) in {seconds:.0f} s; {differing} differences")
    return 1 if differing else 0


def _compile_once(folder: Path) -> None:
    """Lets all runs from here on find what one before has compiled."""
    for name, value in (
        ("jax_compilation_cache_dir", str(folder)),
        ("jax_persistent_cache_min_compile_time_secs", 0),
    ):
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


def _kill_config(
    name: str, program: list[str], folder: Path, kills: int, seed: int, counts: dict[str, int]
) -> int:
    """Kills runs of one config so many times; returns the number of differences, each printed."""
    folder.mkdir(parents=True)
    chance = random.Random(f"{name} {seed}")
    arguments = arguments_of(name, tiny.write_data(folder / "data", side=side(name)))
    whole = _undisturbed(program, arguments, folder)
    differences = _in_a_fork(lambda: compare(whole.workdir, folder / "again"))
    left, runs = kills, 0
    while left:
        workdir = folder / f"killed_{runs}"
        runs += 1
        for kill in _draw_kills(chance, whole, left):
            killed, status = _start(arguments, folder, workdir, kill)
            if not killed:
                break
            left -= 1
            counts[kill.kind] += 1
        else:
            killed, status = _start(arguments, folder, workdir, None)
        if status:
            differences.append(f"{workdir}: exit status {status}: {_last_line(folder)}")
        else:
            differences += _in_a_fork(lambda w=workdir: compare(whole.workdir, w))
    for difference in differences:
        print(f"  {difference}")
    print(f"{name}: {kills} kills in {runs} runs of {whole.seconds:.1f} s,", end=" ")
    print(f"{whole.operations} file operations: {len(differences)} differences", flush=True)
    return len(differences)


def _undisturbed(program: list[str], arguments: list[str], folder: Path) -> Undisturbed:
    """A run in a plain process, and what a forked one takes, which finds everything compiled."""
    workdir, operations = folder / "undisturbed", mmap.mmap(-1, 8)
    command = [sys.executable, *program, *arguments, "--workdir", str(workdir)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    begun = time.monotonic()
    _, status = _wait(_fork(arguments, folder, folder / "again", operations), lambda: False)
    if status:
        raise RuntimeError(f"{folder / 'again'}: exit status {status}: {_last_line(folder)}")
    number = struct.unpack("q", operations[:8])[0]
    return Undisturbed(workdir, time.monotonic() - begun, number)


def _draw_kills(chance: random.Random, whole: Undisturbed, left: int) -> Iterator[Kill]:
    """The kills of one run, of every kind in turn, in an order by chance."""
    kinds = itertools.chain.from_iterable(chance.sample(KINDS, len(KINDS)) for _ in range(left))
    for kind in itertools.islice(kinds, min(left, chance.randint(3, 8))):
        if kind == AT_AN_INSTANT:
            yield Kill(kind, 0, chance.uniform(0, whole.seconds))
        elif kind == BEFORE_AN_OPERATION:
            yield Kill(kind, chance.randint(1, whole.operations), 0.0)
        else:
            yield Kill(kind, chance.randint(1, 4), chance.choice((0.0, chance.uniform(0, 0.02))))


def _start(
    arguments: list[str], folder: Path, workdir: Path, kill: Kill | None
) -> tuple[bool, int]:
    """Whether a start was killed before its end, else its exit status."""
    stop = kill.count if kill and kill.kind == BEFORE_AN_OPERATION else 0
    pid = _fork(arguments, folder, workdir, mmap.mmap(-1, 8), stop)
    if kill and kill.kind == AT_AN_INSTANT:
        end = time.monotonic() + kill.seconds
        return _wait(pid, lambda: time.monotonic() > end)
    if kill and kill.kind in SIGNS:
        return _wait(pid, _seen(workdir, kill), kill.seconds)
    return _wait(pid, lambda: False)


def _seen(workdir: Path, kill: Kill) -> Callable[[], bool]:
    """Says True when the sign of a kill was seen for the `count`th time."""
    before = set(_signs(workdir, kill.kind))
    left = kill.count

    def seen() -> bool:
        nonlocal before, left
        now = set(_signs(workdir, kill.kind))
        left -= not now <= before
        before = now
        return left <= 0

    return seen


def _signs(workdir: Path, kind: str) -> Iterator[tuple[str, int]]:
    try:
        runs = [workdir, *workdir.glob("seed_*")]
    except OSError:  # up to Python 3.12 a folder may come or go between glob's own looks at it
        return
    parts = ("", layout.CHECKPOINTS, layout.BEST_CHECKPOINT, layout.SAMPLES)
    for run, part in itertools.product(runs, parts):
        try:
            with os.scandir(run / part) as entries:
                for entry in filter(SIGNS[kind], entries):
                    grows = not entry.is_dir()
                    yield entry.path, entry.stat().st_mtime_ns if grows else 0
        except OSError:  # not yet there, or just gone
            continue


def _wait(pid: int, due: Callable[[], bool], delay: float = 0.0) -> tuple[bool, int]:
    """Waits for a process, which is killed when it is `due`: as `_start`."""
    end = time.monotonic() + PATIENCE
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code == -signal.SIGKILL, code
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise TimeoutError(f"a start took more than {PATIENCE} seconds")
        if due():
            time.sleep(delay)
            os.kill(pid, signal.SIGKILL)
            due = lambda: False  # noqa: E731
        time.sleep(0.0005)


def _fork(
    arguments: list[str], folder: Path, workdir: Path, operations: mmap.mmap, stop: int = 0
) -> int:
    """Starts the training command in a process of its own, which writes its words to a file.

    It counts its file operations, and kills itself before the one of number `stop`.
    """
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        watch_operations(folder, lambda: _count(operations, stop))
        status = cli.main([*arguments, "--workdir", str(workdir)])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def watch_operations(folder: Path, seen: Callable[[], object]) -> None:
    """Calls `seen` before each operation on files in `folder` that this process does from Python.

    What that raises, the operation raises. It cannot be taken back.
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


def _count(operations: mmap.mmap, stop: int) -> None:
    number = struct.unpack("q", operations[:8])[0] + 1
    operations[:8] = struct.pack("q", number)
    if number == stop:
        os.kill(os.getpid(), signal.SIGKILL)


def _in_a_fork(function: Callable[[], list[str]]) -> list[str]:
    """The result of a function that touches devices, which this process must not."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            answer = function()
        except BaseException as error:
            answer = [f"{type(error).__name__}: {error}"]
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return answer


def _last_line(folder: Path) -> str:
    return ["", *(folder / "log").read_text().splitlines()][-1]


if __name__ == "__main__":
    del loop  # imported for those that are forked
    sys.exit(main())
