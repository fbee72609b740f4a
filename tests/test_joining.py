"""The place of a process among others, and its last words."""

import argparse
import socket
import subprocess
import sys

import pytest

from jaxgan.cli import arguments
from jaxgan.config.errors import UserError
from jaxgan.parallel import stderr_filter
from jaxgan.parallel.initialize import VARIABLES, ProcessSpec, _check_address
from tests.processes import LOST

GLOO = (
    "[Gloo] Rank {} is connected to 3 peer ranks. Expected number of connected peer ranks is : 3\n"
)


def asked(environ=(), **flags):
    given = dict.fromkeys(VARIABLES) | flags
    return arguments.parse_process_spec(argparse.Namespace(**given), dict(environ))


def test_a_place_comes_from_flags_or_else_from_the_environment():
    assert asked() is None
    assert asked(coordinator="a:1", num_processes=2, process_id=1) == ProcessSpec("a:1", 2, 1)
    environ = {"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "0"}
    assert asked(environ) == ProcessSpec("a:1", 2, 0)
    assert asked(environ, process_id=1) == ProcessSpec("a:1", 2, 1)
    assert asked(environ, coordinator="auto") == ProcessSpec("auto")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            {"process_id": 1},
            r"process_id = 1: --coordinator \(JAX_COORD.*\) and --num_",
        ),
        ({"coordinator": "a:1", "num_processes": 2}, r"--process_id .* must be given too"),
        (
            {"coordinator": "a", "num_processes": 2, "process_id": 0},
            "--coordinator a: must be HOST:PORT, or auto",
        ),
        (
            {"coordinator": "a:1", "num_processes": 2, "process_id": 2},
            "--process_id 2: must be 0 to 1, below --num_processes",
        ),
        ({"coordinator": "auto", "process_id": 0}, "auto: finds --num_processes and --process_id"),
    ],
)
def test_a_place_that_is_incomplete_or_impossible_is_refused(flags, words):
    with pytest.raises(UserError, match=words):
        asked(**flags)
    with pytest.raises(UserError, match=r"JAX_PROCESS_ID: 'x': must be a whole number"):
        asked({"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_PROCESS_ID": "x"})


def test_a_port_that_is_taken_and_a_host_that_is_not_there_are_refused():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"127.0.0.1:{port}: its port cannot be opened here"):
            _check_address(ProcessSpec(f"127.0.0.1:{port}", 2, 0))
    with pytest.raises(UserError, match=r"--coordinator nowhere\.invalid:1: no such host"):
        _check_address(ProcessSpec("nowhere.invalid:1", 2, 1))


@pytest.mark.parametrize(
    ("native", "words"),
    [
        ("passed on\n", "passed on\njaxgan: error: me: was ended from outside; repeat"),
        (
            f"F1 {stderr_filter.FATAL}:\n1\n*** Check failure\n2\n",
            f"jaxgan: error: me: process 1 {LOST}",
        ),
        (
            f"F1 {stderr_filter.FATAL}. {stderr_filter.STATUS}ABORTED: why\n\nRPC: what\n",
            f"jaxgan: error: me: a process (ABORTED: why) {LOST}",
        ),
        (
            f"{stderr_filter.FATAL}: {stderr_filter.OF_THE_COORDINATOR}\n",
            f"jaxgan: error: me: process 0 {LOST}",
        ),
        (GLOO.format(0) + f"no end{stderr_filter.GOODBYE}\n", ""),
        ("[Gloo] Rank " + GLOO.format(2) + GLOO[12:].format(3) + stderr_filter.GOODBYE, ""),
        (f"3 is another matter\n{stderr_filter.GOODBYE}", "3 is another matter\n"),
    ],
)
def test_last_words_are_one_line_of_a_process_that_ends_without_its_own(native, words):
    command = [sys.executable, "-I", stderr_filter.__file__, "me"]
    done = subprocess.run(command, input=native, capture_output=True, text=True, check=True)
    assert done.stderr.startswith(words)
    assert bool(done.stderr) == bool(words)
    assert done.stderr.count("jaxgan: error") == words.count("jaxgan: error")


def test_the_first_process_does_not_take_itself_for_lost():
    said = [f"{stderr_filter.FATAL}: {stderr_filter.OF_THE_COORDINATOR}\n"]
    assert stderr_filter.reason(said, "process 0 of 2") == f"another process {LOST}"
    assert stderr_filter.reason(said, "process 1 of 2") == f"process 0 {LOST}"
