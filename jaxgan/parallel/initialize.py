"""Joining the processes that train one run, before JAX looks for devices; JAX is imported late."""

import contextlib
import dataclasses
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from jaxgan.cli.messages import print_error
from jaxgan.config.errors import EXIT_FAILED, EXIT_USAGE, UserError
from jaxgan.parallel import stderr_filter

DISTRIBUTED_ENV_VARS = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
AUTO = "auto"
FLAGS = ("coordinator", "num_processes", "process_id")
VARIABLES = dict(
    zip(FLAGS, DISTRIBUTED_ENV_VARS, strict=True)
)  # of the environment, in place of each
CONNECT_TIMEOUT_S = 45  # seconds for all to come, the import of JAX among them
HEARTBEAT_TIMEOUT_S = 30  # seconds without any after which JAX takes a process for lost
SHUTDOWN_TIMEOUT_S = 20  # seconds in which all must end, once one has


@dataclasses.dataclass(frozen=True)
class ProcessSpec:
    """Of this process among those of its run; of AUTO only JAX knows the numbers."""

    coordinator: str
    count: int = 0
    index: int = 0

    def __str__(self) -> str:
        return f"process {self.index} of {self.count}" if self.count else "this process"


def initialize_distributed(place: ProcessSpec) -> None:
    """Connects this process with the others of its run; returns when all have come.

    From here on what native code writes goes by way of `last_words`; `leaving` is to be around it.

    Raises:
      UserError: the coordinator's host is unknown or its port taken, or there is no cluster.
    """
    if place.coordinator != AUTO:
        _check_address(place)
    _hand_over_native_output(str(place))
    patience = threading.Timer(CONNECT_TIMEOUT_S, _give_up, [place])
    patience.daemon = True
    patience.start()
    import jax

    # It has its own handler of SIGTERM; ours makes all processes stop at the same step.
    jax.config.update("jax_enable_preemption_service", False)
    numbers = {} if place.coordinator == AUTO else _numbers(place)
    try:
        jax.distributed.initialize(
            **numbers,
            initialization_timeout=10 * CONNECT_TIMEOUT_S,  # at which JAX would abort
            heartbeat_timeout_seconds=HEARTBEAT_TIMEOUT_S,
            shutdown_timeout_seconds=SHUTDOWN_TIMEOUT_S,
        )
    except (RuntimeError, ValueError) as error:
        reason = (str(error) or repr(error)).splitlines()[0]
        raise UserError(f"--coordinator {place.coordinator}: {reason}") from None
    finally:
        patience.cancel()


def run_and_shutdown(command: Callable[[], int]) -> int:
    """Runs a command and ends what `join` began, if that was called; returns the exit status.

    Of several processes none returns from a failure: others, and programs on the devices that wait
    for them, must not hold it.
    """
    interrupted = False
    try:
        status = command()
    except KeyboardInterrupt:
        interrupted = True
        status = print_error("interrupted; what was done since the last checkpoint is lost", 130)
    except Exception:
        if _words is None:
            raise
        traceback.print_exc()
        status = EXIT_FAILED
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


def _numbers(place: ProcessSpec) -> dict[str, Any]:
    return {
        "coordinator_address": place.coordinator,
        "num_processes": place.count,
        "process_id": place.index,
        "cluster_detection_method": "deactivate",
    }


def _check_address(place: ProcessSpec) -> None:
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
    command = [sys.executable, "-I", stderr_filter.__file__, name]
    _words = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert _words.stdin is not None
    for number, stream in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, stream)
        old.flush()
        own = open(os.dup(number), "w", 1, old.encoding, old.errors)  # noqa: SIM115
        setattr(sys, stream, own)
        os.dup2(_words.stdin.fileno(), number)


def _give_up(place: ProcessSpec) -> None:
    """Ends the process, whose main thread waits within JAX."""
    where = f"--coordinator {place.coordinator}"
    if place.coordinator == AUTO or (place.index and _listens(place.coordinator)):
        why = f"not all processes of the run were there within {CONNECT_TIMEOUT_S} s"
    elif place.index:
        why = f"does not answer within {CONNECT_TIMEOUT_S} s; is --process_id 0 started there?"
    else:
        why = f"not all of the other {place.count - 1} processes came within {CONNECT_TIMEOUT_S} s"
    print_error(f"{where}: {why}", EXIT_USAGE)
    _say_goodbye()
    os._exit(EXIT_USAGE)


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
            os.write(_words.stdin.fileno(), f"{stderr_filter.GOODBYE}\n".encode())
