"""Connects the processes that train one run, before JAX looks for devices; JAX is imported late."""

import dataclasses
import logging
import socket
import time
from typing import Any

from jaxgan.config.errors import UserError

logger = logging.getLogger(__name__)
AUTO = "auto"
DISTRIBUTED_ENV_VARS = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
CONNECT_TIMEOUT_S = 45  # for all processes to start, the import of JAX included
HEARTBEAT_TIMEOUT_S = 30  # JAX ends every process when one has been silent for so long
SHUTDOWN_TIMEOUT_S = 20  # for the other processes to end, once one of them has


@dataclasses.dataclass(frozen=True)
class ProcessSpec:
    """This process's index and the number of processes; unknown with AUTO, where JAX finds them."""

    coordinator: str
    count: int = 0
    index: int = 0


def initialize_distributed(spec: ProcessSpec) -> None:
    """Connects this process with the others of its run; returns when all have connected.

    JAX itself aborts the process, with a page of log, when a process does not come in time, and
    later when one is lost.

    Raises:
      UserError: the coordinator's host is unknown, its port is taken or does not answer, or
        'auto' finds no cluster.
    """
    # With AUTO, JAX asks the cluster for the numbers. Otherwise it must not, or the variables of a
    # SLURM job could contradict those that the user gave.
    numbers: dict[str, Any] = {}
    if spec.coordinator != AUTO:
        _check_address(spec)
        numbers = {"num_processes": spec.count, "process_id": spec.index}
        numbers |= {"coordinator_address": spec.coordinator}
        numbers |= {"cluster_detection_method": "deactivate"}
    import jax

    # JAX's own handler of SIGTERM would replace ours, which stops all processes at one step.
    jax.config.update("jax_enable_preemption_service", False)
    who = f"process {spec.index} of {spec.count}: " if spec.count else ""
    logger.info(f"{who}waiting up to {CONNECT_TIMEOUT_S} s for the other processes")
    try:
        jax.distributed.initialize(
            **numbers,
            initialization_timeout=CONNECT_TIMEOUT_S,
            heartbeat_timeout_seconds=HEARTBEAT_TIMEOUT_S,
            shutdown_timeout_seconds=SHUTDOWN_TIMEOUT_S,
        )
    except (RuntimeError, ValueError) as error:
        reason = (str(error) or repr(error)).splitlines()[0]
        raise UserError(f"--coordinator {spec.coordinator}: {reason}") from None


def _check_address(spec: ProcessSpec) -> None:
    """Checks what JAX would answer with an abort and a stack trace."""
    host, _, digits = spec.coordinator.rpartition(":")
    host, port, where = host.strip("[]"), int(digits), f"--coordinator {spec.coordinator}"
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        raise UserError(f"{where}: no such host ({error.strerror})") from None
    if spec.index:
        _wait_for_coordinator(host, port, where)
        return
    # As JAX does, on both IPv4 and IPv6 where the machine has both.
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        socket.create_server(("", port), family=family, dualstack_ipv6=both).close()
    except OSError as error:
        reason = f"its port cannot be opened here ({error.strerror})"
        raise UserError(f"{where}: {reason}; choose another") from None


def _wait_for_coordinator(host: str, port: int, where: str) -> None:
    end = time.monotonic() + CONNECT_TIMEOUT_S
    while time.monotonic() < end:
        try:
            socket.create_connection((host, port), timeout=2).close()
            return
        # The processes start in any order, so the coordinator may not listen yet.
        except OSError:
            time.sleep(0.2)
    late = f"does not answer within {CONNECT_TIMEOUT_S} s; is --process_id 0 started there?"
    raise UserError(f"{where}: {late}")
