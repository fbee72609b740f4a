"""The machine: its processor, and the rates of its matrix products and of its memory."""

import functools
import os
import platform
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.bench.timing import Measure, Variant, stopwatch, summarise, time_in_turn
from jaxgan.config.jax_env import CPUINFO

ACCESSES = 3  # of each element: two are read, one is written


class Sizes(NamedTuple):
    """Sizes that are large enough for a device to reach its rates.

    Attributes:
      side: of the matrices that are multiplied.
      array_bytes: of each of two arrays, which together no cache holds.
    """

    side: int
    array_bytes: int


def describe_machine(rounds: int, quick: bool) -> dict[str, Any]:
    """Returns what is known of the machine, with its measured rates."""
    # Before this process itself makes the cores busy.
    busy = load()
    side, array_bytes = sizes(quick)
    variants = {
        "product_gflop_per_second": Variant(functools.partial(_product, side)),
        "memory_gb_per_second": Variant(functools.partial(_axpy, array_bytes // 4)),
    }
    amounts = (2 * side**3, ACCESSES * array_bytes)
    rounds_of = time_in_turn(variants, rounds).rounds
    rates = {
        name: summarise([amount / seconds / 1e9 for seconds in rounds_of[name]])
        for name, amount in zip(rounds_of, amounts, strict=True)
    }
    return {"processor": processor(), "cores": cores(), "load": busy, **rates}


def products(flop: float, quick: bool) -> Variant:
    """Returns large matrix products as a variant, per so many floating-point operations."""
    side = sizes(quick).side
    return Variant(functools.partial(_product, side), 2 * side**3 / flop)


def sizes(quick: bool) -> Sizes:
    """Returns the sizes for the default device."""
    if quick:
        return QUICK_SIZES
    return CPU_SIZES if jax.default_backend() == "cpu" else ACCELERATOR_SIZES


def processor() -> str:
    """Returns the model of the processor, or "" if the system does not tell."""
    text = CPUINFO.read_text() if CPUINFO.exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1) if found else platform.processor()


def cores() -> int:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float | None:
    """Returns the mean number of running processes in the last minute, None if it is not known."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _product(side: int) -> Measure:
    """Returns the timed product of two square matrices."""
    matrix = jax.random.normal(jax.random.key(0), (side, side))
    product = jax.jit(jnp.matmul)
    return stopwatch(lambda: jax.block_until_ready(product(matrix, matrix)))


def _axpy(length: int) -> Measure:
    """Returns the timed a * x + y in place of y, on float32 arrays of this length."""
    x, y = jnp.ones(length), jnp.ones(length)
    # New memory for the result would be timed too: the system hands it out page by page.
    update = jax.jit(lambda y, x: 0.5 * x + y, donate_argnums=0)

    def run() -> None:
        nonlocal y
        y = jax.block_until_ready(update(y, x))

    return stopwatch(run)


QUICK_SIZES = Sizes(512, 2**24)
CPU_SIZES = Sizes(2048, 2**27)
ACCELERATOR_SIZES = Sizes(8192, 2**30)
