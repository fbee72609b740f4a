"""The flags of several processes, and the checks before they connect."""

import argparse
import socket

import pytest

from jaxgan.cli import arguments
from jaxgan.config.errors import UserError
from jaxgan.parallel import initialize
from jaxgan.parallel.initialize import ProcessSpec, initialize_distributed
from tests.processes import free_port


def asked(environ=(), **flags):
    given = dict.fromkeys(arguments.VARIABLES) | flags
    return arguments.parse_process_spec(argparse.Namespace(**given), dict(environ))


def test_process_numbers_come_from_flags_or_else_from_the_environment():
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
def test_incomplete_or_impossible_process_numbers_are_refused(flags, words):
    with pytest.raises(UserError, match=words):
        asked(**flags)
    with pytest.raises(UserError, match=r"JAX_PROCESS_ID: 'x': must be a whole number"):
        asked({"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_PROCESS_ID": "x"})


def test_a_port_that_is_taken_and_an_unknown_host_are_refused():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"127.0.0.1:{port}: its port cannot be opened here"):
            initialize_distributed(ProcessSpec(f"127.0.0.1:{port}", 2, 0))
    with pytest.raises(UserError, match=r"--coordinator nowhere\.invalid:1: no such host"):
        initialize_distributed(ProcessSpec("nowhere.invalid:1", 2, 1))


def test_a_coordinator_that_does_not_answer_is_refused_in_time(monkeypatch):
    monkeypatch.setattr(initialize, "CONNECT_TIMEOUT_S", 0.5)
    with pytest.raises(UserError, match=r"not answer within 0\.5 s; is --process_id 0 started"):
        initialize_distributed(ProcessSpec(f"127.0.0.1:{free_port()}", 2, 1))
