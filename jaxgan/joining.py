"""Joining the processes that train one run, before JAX looks for devices; JAX is imported late."""

import argparse
import contextlib
import dataclasses
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from jaxgan import last_words
from jaxgan.config import UserError
from jaxgan.ending import FAILED, USAGE, fail
from jaxgan.flags import whole
from jaxgan.records import OF_ITS_PLACE

AUTO = "auto"
FLAGS = ("coordinator", "num_processes", "process_id")
VARIABLES = dict(zip(FLAGS, OF_ITS_PLACE, strict=True))  # of the environment, in place of each
PATIENCE = 45  # seconds for all to come, the import of JAX among them
HEARTBEATS = 30  # seconds without any after which JAX takes a process for lost
FAREWELL = 20  # seconds in which all must end, once one has


@dataclasses.dataclass(frozen=True)
class Place:
    """Of this process among those of its run; of AUTO only JAX knows the numbers."""

    coordinator: str
    count: int = 0
    index: int = 0

    def __str__(self) -> str:
        return f"process {self.index} of {self.count}" if self.count else "this process"


def add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--coordinator", metavar="HOST:PORT|auto", help="of several processes: where process 0 is"
    )
    parser.add_argument("--num_processes", metavar="N", type=whole(1), help="that share the run")
    parser.add_argument("--process_id", metavar="I", type=whole(0), help="of this one, from 0")


def asked_place(options: argparse.Namespace, environ: Mapping[str, str]) -> Place | None:
    """From flags or else environment; None where one process trains by itself.

    Raises:
      UserError: they are incomplete, contradict each other, or name no place.
    """
    if options.coordinator == AUTO:
        if options.num_processes is not None or options.process_id is not None:
            raise UserError("--coordinator auto: finds --num_processes and --process_id itself")
        return Place(AUTO)
    given = {name: _given(options, environ, name) for name in VARIABLES}
    if all(value is None for value in given.values()):
        return None
    if lacking := [f"--{name} ({VARIABLES[name]})" for name in VARIABLES if given[name] is None]:
        there = ", ".join(f"{name} = {value}" for name, value in given.items() if value is not None)
        raise UserError(f"{there}: {' and '.join(lacking)} must be given too")
    address, count, index = given.values()
    _, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal() and 0 < int(port) < 2**16):
        raise UserError(f"--coordinator {address}: must be HOST:PORT, or auto")
    if index >= count:
        raise UserError(f"--process_id {index}: must be 0 to {count - 1}, below --num_processes")
    return Place(address, count, index)


def join(place: Place) -> None:
    """Connects this process with the others of its run; returns when all have come.

    From here on what native code writes goes by way of `last_words`; `leaving` is to be around it.

    Raises:
      UserError: the coordinator's host is unknown or its port taken, or there is no cluster.
    """
    if place.coordinator != AUTO:
        _check_address(place)
    _hand_over_native_output(str(place))
    patience = threading.Timer(PATIENCE, _give_up, [place])
    patience.daemon = True
    patience.start()
    import jax

    # It has its own handler of SIGTERM; ours makes all processes stop at the same step.
    jax.config.update("jax_enable_preemption_service", False)
    numbers = {} if place.coordinator == AUTO else _numbers(place)
    try:
        jax.distributed.initialize(
            **numbers,
            initialization_timeout=10 * PATIENCE,  # at which JAX would abort
            heartbeat_timeout_seconds=HEARTBEATS,
            shutdown_timeout_seconds=FAREWELL,
        )
    except (RuntimeError, ValueError) as error:
        reason = (str(error) or repr(error)).splitlines()[0]
        raise UserError(f"--coordinator {place.coordinator}: {reason}") from None
    finally:
        patience.cancel()


def leaving(command: Callable[[], int]) -> int:
    """Runs a command and ends what `join` began, if that was called; returns the exit status.

    Of several processes none returns from a failure: others, and programs on the devices that wait
    for them, must not hold it.
    """
    interrupted = False
    try:
        status = command()
    except KeyboardInterrupt:
        interrupted = True
        status = fail("interrupted; what was done since the last checkpoint is lost", 130)
    except Exception:
        if _words is None:
            raise
        traceback.print_exc()
        status = FAILED
    if _words is None:
        return status
    _say_goodbye()
    if not interrupted:  # whoever asks twice does not wait for the others
        import jax

        with contextlib.suppress(RuntimeError):
            jax.distributed.shutdown()
    if status:
        sys.stdout.flush()
        os._exit(status)
    return status


_words: subprocess.Popen[bytes] | None = None


def _given(options: argparse.Namespace, environ: Mapping[str, str], name: str):
    value = getattr(options, name)
    text = environ.get(VARIABLES[name])
    if value is not None or not text:
        return value
    try:
        return text if name == "coordinator" else whole(0 if name == "process_id" else 1)(text)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"{VARIABLES[name]}: {error}") from None


def _numbers(place: Place) -> dict[str, Any]:
    return {
        "coordinator_address": place.coordinator,
        "num_processes": place.count,
        "process_id": place.index,
        "cluster_detection_method": "deactivate",
    }


def _check_address(place: Place) -> None:
    host, _, port = place.coordinator.rpartition(":")
    try:
        socket.getaddrinfo(host.strip("[]"), int(port))
    except OSError as error:
        reason = error.strerror
        raise UserError(f"--coordinator {place.coordinator}: no such host ({reason})") from None
    if place.index:
        return
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:  # of a port that is taken JAX only tells by a crash
        socket.create_server(("", int(port)), family=family, dualstack_ipv6=both).close()
    except OSError as error:
        reason = f"its port cannot be opened here ({error.strerror})"
        raise UserError(f"--coordinator {place.coordinator}: {reason}; choose another") from None


def _hand_over_native_output(name: str) -> None:
    """Starts `last_words`, and makes it the output of all but Python's own streams."""
    global _words
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # of a lost process JAX logs a page besides
    command = [sys.executable, "-I", last_words.__file__, name]
    _words = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert _words.stdin is not None
    for number, stream in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, stream)
        old.flush()
        own = open(os.dup(number), "w", 1, old.encoding, old.errors)  # noqa: SIM115
        setattr(sys, stream, own)
        os.dup2(_words.stdin.fileno(), number)


def _give_up(place: Place) -> None:
    """Ends the process, whose main thread waits within JAX."""
    where = f"--coordinator {place.coordinator}"
    if place.coordinator == AUTO or (place.index and _listens(place.coordinator)):
        why = f"not all processes of the run were there within {PATIENCE} s"
    elif place.index:
        why = f"does not answer within {PATIENCE} s; is --process_id 0 started there?"
    else:
        why = f"not all of the other {place.count - 1} processes came within {PATIENCE} s"
    fail(f"{where}: {why}", USAGE)
    _say_goodbye()
    os._exit(USAGE)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def _say_goodbye() -> None:
    if _words and _words.stdin:
        with contextlib.suppress(OSError):
            os.write(_words.stdin.fileno(), f"{last_words.GOODBYE}\n".encode())
