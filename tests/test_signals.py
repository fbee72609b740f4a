"""Signals that stop a command: each ends it with one line, and a run saves first."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from jaxgan.cli import entry
from jaxgan.cli.entry import INTERRUPTED
from jaxgan.runs import checkpoints, row_files
from jaxgan.training.signals import stop_signals
from tests.test_cli import CONFIG, ROOT, TINY, start

TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def handlers():
    """The handlers of this test's own, by number of the signal."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_kept_for_the_loop_and_its_handler_is_put_back(number, handlers):
    with stop_signals() as caught:
        signal.raise_signal(number)
        assert caught == [number]
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_a_lost_terminal_is_no_second_request(handlers):
    with stop_signals() as caught:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert caught[0] == signal.SIGHUP


def test_a_lost_terminal_does_not_stop_a_run_under_nohup(handlers):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stop_signals() as caught:
        signal.raise_signal(signal.SIGHUP)
    assert caught == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_what_ctrl_c_did_before(number, handlers):
    seen = []
    signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    with stop_signals():
        signal.raise_signal(signal.SIGINT)
        assert seen == []
        signal.raise_signal(number)
    assert seen == [number]


def test_a_second_signal_interrupts_where_ctrl_c_was_ignored(handlers):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as for a command in a script's background
    with stop_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("module", ["jaxgan.config.schema", "jax._src.config"])
def test_ctrl_c_during_an_import_ends_with_one_line(module, tmp_path):
    command = ["--config", CONFIG, "--workdir", tmp_path / "run"]
    process = start(*command, env=os.environ | {"PYTHONPROFILEIMPORTTIME": "1"})
    while module not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert [line for line in err.splitlines() if not line.startswith("import time:")] == [
        INTERRUPTED.strip()
    ]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("words", ["", "--config mnist", "train --config mnist"])
def test_ctrl_c_says_that_steps_of_a_training_are_lost(words, monkeypatch, capfd):
    assert interrupted(words, monkeypatch, capfd) == INTERRUPTED


def test_ctrl_c_speaks_of_no_steps_where_nothing_trains(monkeypatch, capfd):
    line = interrupted("sample --workdir runs/mnist", monkeypatch, capfd)
    assert line == "jaxgan: error: interrupted; repeat the command\n"


def interrupted(words, monkeypatch, capfd):
    """Returns the line with which Ctrl-C ends a command, whose words come after its name."""
    statuses = []
    monkeypatch.setattr(sys, "argv", ["jaxgan", *words.split()])
    monkeypatch.setattr(os, "_exit", statuses.append)
    entry._end_process(signal.SIGINT, None)
    assert statuses == [128 + signal.SIGINT]
    return capfd.readouterr().err


@pytest.mark.slow
def test_a_run_whose_terminal_is_closed_saves(tmp_path, data):
    workdir = tmp_path / "run"
    command = [sys.executable, "run.py", "--config", CONFIG, *TINY, f"--config.data.dir={data}"]
    command += ["--workdir", str(workdir), "--config.train.epochs=100000"]
    command += ["--config.save.every=100000"]
    terminal, its_side = pty.openpty()
    # Not by pty.fork, of which JAX warns in a process with threads.
    streams = {"stdin": its_side, "stdout": its_side, "stderr": its_side}
    take = [sys.executable, "-c", TAKE_TERMINAL]
    run = subprocess.Popen([*take, *command], cwd=ROOT, start_new_session=True, **streams)
    os.close(its_side)
    end = time.monotonic() + 120
    while len(row_files.read_rows(workdir)) <= 3:
        assert time.monotonic() < end
        if select.select([terminal], [], [], 0.01)[0]:
            os.read(terminal, 4096)
    os.close(terminal)
    assert run.wait(120) == 128 + signal.SIGHUP
    (step,) = checkpoints.steps(workdir / "checkpoints")
    assert row_files.read_rows(workdir)[-1]["step"] == step
