"""What goes wrong around a run, besides a kill: one line, exit code 2, and a sound folder.

Whatever a run was hindered by, the same command ends with the bytes of a run never hindered.
"""

import errno
import gc
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from jaxgan.cli import main as cli
from jaxgan.config.jax_env import CACHE_DIR_VARIABLE
from jaxgan.evaluation import periodic
from jaxgan.gan import steps as steps_module
from jaxgan.runs import layout, retry, row_files
from jaxgan.training import plotter, progress
from tests import fault_starts, tiny
from tests.dir_compare import compare
from tests.fault_configs import CONFIG, ON_IMAGES, ROOT, TINY_MLP

TESTS = itertools.count()
INTERRUPTING = """
import json, os, signal, sys, time
from pathlib import Path
from orbax.checkpoint._src.futures import future
from jaxgan.cli import entry, main
from jaxgan.training import loop  # imported for the processes that are forked
from tests import fault_starts, figure_data

figure_data.save_data_of_figures()
seen = 0

def ring():
    global seen
    seen += 1
    if first <= seen < first + times:
        signal.raise_signal(number)

for line in sys.stdin:
    number, times, first, folder, err, *arguments = json.loads(line)
    pid = os.fork()
    if not pid:
        signal.alarm(120)
        os.dup2(os.open(err, os.O_WRONLY | os.O_CREAT), 2)
        os.dup2(2, 1)
        signal.signal(signal.SIGTERM, entry._end_process)  # an early one too ends it with a line
        if first:
            fault_starts.watch_operations(Path(folder), ring)
        else:
            def save(thread, original=future._SignalingThread.run):
                os.kill(os.getpid(), number)
                time.sleep(0.5)
                os.kill(os.getpid(), number)
                time.sleep(1)  # the interpreter ends meanwhile
                original(thread)
            future._SignalingThread.run = save
        sys.argv[1:] = arguments
        sys.exit(entry.run())
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""  # each in a process of its own, with which all ends that works in the background
SETTINGS = ON_IMAGES | TINY_MLP | {"train.epochs": 2, "save.every": 1}


def often(*few, slow):
    """The parts of a run at which something is tried: few by default, all of them if slow."""
    return [*few, *(pytest.param(*part, marks=pytest.mark.slow) for part in slow)]


class Trap:
    """Does something at the file operations of a run in `folder`, counted from 1."""

    def __init__(self, folder):
        self.count, self.action = 0, None
        fault_starts.watch_operations(folder, self.seen)

    def seen(self):
        action = self.action
        if action:
            self.count += 1
            self.action = None  # what it does itself is not counted
            try:
                action(self.count)
            finally:
                self.action = action

    def set(self, action):
        self.count, self.action = 0, action


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def trap(folder):
    return Trap(folder)


@pytest.fixture(scope="module")
def command(folder):
    data = tiny.write_data(folder / "data")
    changes = [f"--config.{name}={value}" for name, value in SETTINGS.items()]
    return ["--config", str(CONFIG), *changes, f"--config.data.dir={data}"]


@pytest.fixture(scope="module")
def whole(command, folder, trap):
    """A run never hindered, and the number of its file operations."""
    trap.set(lambda count: None)
    assert cli.main([*command, "--workdir", str(folder / "whole")]) == 0
    trap.action = None
    return folder / "whole", trap.count


@pytest.fixture(scope="module")
def interrupt(folder):
    """Runs a command in a process that gets signals: its exit status and standard error."""
    compiled = os.environ | {CACHE_DIR_VARIABLE: os.environ["JAXGAN_TESTS_COMPILED"]}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    program = [sys.executable, "-c", INTERRUPTING]
    with subprocess.Popen(program, cwd=ROOT, env=compiled, **pipes) as forking:

        def interrupt(number, times, first, arguments):
            err = folder / f"err_{next(TESTS)}"
            given = [number, times, first, str(folder), str(err), *arguments]
            forking.stdin.write(json.dumps(given) + "\n")
            forking.stdin.flush()
            return int(forking.stdout.readline()), err.read_text()

        yield interrupt


@pytest.fixture
def workdir(folder, trap):
    """A folder of this test's own: what an ended one still writes would come into the next."""
    own = folder / f"hindered_{next(TESTS)}"
    yield own
    trap.action = None
    shutil.rmtree(own, ignore_errors=True)
    gc.collect()  # what Orbax left of a save that failed is of this test


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(retry, "PATIENCE_S", 0.2)


def assert_told(code, capsys, *words):
    """One line says what is wrong: which is returned."""
    err = capsys.readouterr().err
    assert "Traceback" not in err
    # A write that is repeated is a warning, with the words of the system's error.
    errors = [line for line in err.splitlines() if "jaxgan: error:" in line]
    assert code == 2, err
    assert len(errors) == 1
    assert errors[0].startswith("jaxgan: error: ")
    assert all(word in errors[0] for word in words), errors[0]
    return errors[0]


def assert_goes_on(command, workdir, whole):
    assert cli.main([*command, "--workdir", str(workdir)]) == 0
    assert compare(whole[0], workdir) == []


FAULTS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "no longer ours": errno.EACCES}


@pytest.mark.parametrize(
    ("name", "part"),
    often(
        ("full", 0.02),
        ("full", 0.6),
        ("read-only", 0.8),
        ("no longer ours", 0.4),
        slow=[(name, part / 12 + 0.05) for part, name in enumerate([*FAULTS] * 4)],
    ),
)
def test_a_disk_that_takes_nothing_more_ends_a_run_that_can_go_on_later(
    command, workdir, whole, trap, capsys, name, part
):
    number = FAULTS[name]

    def fail(count):
        if count > part * whole[1]:
            raise OSError(number, os.strerror(number))

    trap.set(fail)
    code = cli.main([*command, "--workdir", str(workdir)])
    trap.action = None
    err = assert_told(code, capsys)
    assert os.strerror(number) in err or (name == "full" and "disk is full" in err)
    assert_goes_on(command, workdir, whole)


def test_a_checkpoint_larger_than_a_file_may_be_is_told(command, workdir, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    small = "--config.train.epochs=1", "--config.evaluate.every=0"
    wide = [*command, *small, "--config.network.gen_widths=(5000,)", "--workdir", str(workdir)]
    try:  # rows and pictures are smaller, an array of a checkpoint is larger
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        code = cli.main(wide)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_told(code, capsys, "no checkpoint could be saved")
    assert row_files.read_rows(workdir)
    assert cli.main(wide) == 0


MOMENTARY = (errno.EIO, errno.ESTALE, errno.EAGAIN, errno.ENOTCONN)


@pytest.mark.parametrize(
    ("number", "part"),
    often(
        (errno.EIO, 0.35),
        (errno.ESTALE, 0.7),
        slow=[(MOMENTARY[part % 4], 0.25 + part / 16) for part in range(12)],
    ),
)
def test_a_write_that_fails_for_a_moment_is_repeated_and_the_run_goes_on(
    command, workdir, whole, trap, capsys, number, part
):
    first = int(part * whole[1])

    def fail(count):
        if first <= count < first + 2:
            raise OSError(number, os.strerror(number))

    trap.set(fail)
    code = cli.main([*command, "--workdir", str(workdir)])
    trap.action = None
    err = capsys.readouterr().err
    assert code == 0, err
    assert "Traceback" not in err
    assert compare(whole[0], workdir) == []


def test_a_run_goes_on_in_its_folder_that_was_mounted_again(
    command, folder, workdir, whole, monkeypatch
):
    """A copy stands for it: the folder has another inode number, and its content."""
    before = []

    def mount_again(*_):
        monkeypatch.undo()
        before.append(workdir.stat().st_ino)
        workdir.rename(folder / f"away_{workdir.name}")

        def come_back():
            time.sleep(0.3)
            shutil.copytree(folder / f"away_{workdir.name}", workdir)

        threading.Thread(target=come_back).start()

    monkeypatch.setattr(progress.Progress, "update", mount_again)
    assert cli.main([*command, "--workdir", str(workdir)]) == 0
    assert workdir.stat().st_ino != before[0]
    assert compare(whole[0], workdir) == []


@pytest.mark.parametrize(
    "part", often(0.3, 0.7, slow=[(part / 10,) for part in (1, 2, 4, 5, 6, 8, 9)])
)
@pytest.mark.usefixtures("impatient")
def test_a_run_whose_folder_is_removed_says_so_in_one_line(
    command, folder, workdir, whole, trap, capsys, part
):
    removed = folder / f"removed_{workdir.name}"

    def remove(count):
        if count == int(part * whole[1]):
            workdir.rename(removed)  # at once, while others write into it

    trap.set(remove)
    code = cli.main([*command, "--workdir", str(workdir)])
    trap.action = None
    assert_told(code, capsys)
    assert removed.is_dir()


def test_a_run_does_not_write_into_the_folder_of_another(
    command, workdir, whole, monkeypatch, capsys
):
    def replace(*_):
        monkeypatch.undo()
        shutil.rmtree(workdir)
        shutil.copytree(whole[0], workdir)

    monkeypatch.setattr(progress.Progress, "update", replace)
    code = cli.main([*command, "--workdir", str(workdir)])
    assert_told(code, capsys, "was removed while its run went on")
    assert compare(whole[0], workdir) == []


@pytest.mark.parametrize(
    ("number", "times", "part"),
    often(
        (signal.SIGINT, 1, 0.1),
        (signal.SIGTERM, 2, 0.6),
        slow=[
            (number, times, (4 * part + place) / 12 + 0.03)
            for part in range(3)
            for place, (number, times) in enumerate(
                itertools.product((signal.SIGINT, signal.SIGTERM), (1, 2))
            )
        ],
    ),
)
def test_signals_at_any_operation_leave_a_sound_folder(
    command, interrupt, workdir, whole, number, times, part
):
    first = int(part * whole[1])
    code, err = interrupt(number, times, first, [*command, "--workdir", str(workdir)])
    assert "Traceback" not in err
    assert code in (0, 128 + number)
    assert_goes_on(command, workdir, whole)


def test_a_second_signal_during_a_save_ends_without_a_word_from_its_threads(
    command, interrupt, workdir, whole
):
    code, err = interrupt(signal.SIGTERM, 2, 0, [*command, "--workdir", str(workdir)])
    assert code == 128 + signal.SIGTERM
    assert err.splitlines()[-1].startswith("jaxgan: error: interrupted; ")
    assert "Traceback" not in err
    assert_goes_on(command, workdir, whole)


def test_a_second_signal_is_obeyed_where_a_library_makes_another_error_of_it(
    command, workdir, whole, monkeypatch, capsys
):
    def draw(*_):
        signal.raise_signal(signal.SIGINT)
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ValueError("Invalid bounding box") from None

    monkeypatch.setattr(plotter.plots, "save_curves", draw)
    with pytest.raises(KeyboardInterrupt):
        cli.main([*command, "--workdir", str(workdir)])
    monkeypatch.undo()
    assert_goes_on(command, workdir, whole)


@pytest.mark.parametrize("number", often(signal.SIGINT, slow=[(signal.SIGTERM,)]))
def test_a_signal_during_compilation_saves_after_the_first_chunk(
    command, workdir, monkeypatch, capsys, number
):
    def step(*args, original=steps_module._train_step):
        monkeypatch.undo()
        signal.raise_signal(number)
        return original(*args)

    monkeypatch.setattr(steps_module, "_train_step", step)
    width = f"--config.network.gen_widths=({9 + number},)"  # not compiled before
    code = cli.main([*command, width, "--workdir", str(workdir)])
    assert code == 128 + number
    assert "saved at step 12 of 24" in capsys.readouterr().err


def test_a_signal_during_an_evaluation_saves_after_it(command, workdir, whole, monkeypatch, capsys):
    def measure(self, state, original=periodic.PeriodicEvaluator.evaluate):
        monkeypatch.undo()
        signal.raise_signal(signal.SIGTERM)
        return original(self, state)

    every = "--config.evaluate.every=1"
    monkeypatch.setattr(periodic.PeriodicEvaluator, "evaluate", measure)
    assert cli.main([*command, every, "--workdir", str(workdir)]) == 143
    assert "saved at step 12 of 24" in capsys.readouterr().err
    assert any(name.startswith("eval/") for name in row_files.read_rows(workdir)[-1])
    assert cli.main([*command, every, "--workdir", str(workdir)]) == 0


def test_the_clock_may_go_backwards(command, workdir, whole, monkeypatch):
    clock = iter(range(2_000_000_000, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    monkeypatch.setattr(time, "time_ns", lambda: next(clock) * 10**9)
    shorter = "--config.train.epochs=1", "--config.evaluate.every=0"
    assert cli.main([*command, *shorter, "--workdir", str(workdir)]) == 0
    for i, path in enumerate(sorted(workdir.rglob("*"))):
        os.utime(path, (2_000_000_000 - i, 2_000_000_000 - i))
    assert_goes_on(command, workdir, whole)


def damaged(lines, name):
    damages = {
        "a row missing": lines[:3] + lines[4:],
        "rows doubled": [line for line in lines for _ in range(2)],
        "all of them twice": lines + lines,
        "a row that is none": [*lines[:2], "{", *lines[2:]],
    }
    return damages[name]


@pytest.mark.parametrize("name", ["rows doubled", "all of them twice"])
def test_rows_that_can_be_mended_are(command, workdir, whole, name):
    shutil.copytree(whole[0], workdir)
    shutil.rmtree(workdir / "checkpoints" / "24")
    path = workdir / layout.METRICS
    path.write_text("\n".join(damaged(path.read_text().splitlines(), name)))
    assert_goes_on(command, workdir, whole)


def test_rows_that_cannot_be_mended_are_named(command, workdir, whole, capsys):
    shutil.copytree(whole[0], workdir)
    path = workdir / layout.METRICS
    lines = path.read_text().splitlines()
    path.write_text("\n".join(damaged(lines, "a row that is none")))
    code = cli.main([*command, "--workdir", str(workdir)])
    assert_told(code, capsys, "metrics.jsonl: line 3 is damaged")
    path.write_text("\n".join(damaged(lines, "a row missing")))
    assert cli.main([*command, "--workdir", str(workdir)]) == 0
    assert "1 of 6 rows up to step 24 are gone" in capsys.readouterr().err
