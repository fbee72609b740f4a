"""The memory that a run takes on each device, and what to do if a device has less."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import jax

from jaxgan.config.choices import network_spec
from jaxgan.config.errors import UserError
from jaxgan.config.jax_env import MEMORY_HINT, OUT_OF_MEMORY
from jaxgan.config.schema import Config
from jaxgan.config.seeds import seeds_of
from jaxgan.data import Dataset
from jaxgan.training.seed_groups import seeds_per_program

TEMPORARIES = "temporaries"  # of a program, besides its arguments and results
# Bytes on each device, by use: "data", "state", and TEMPORARIES once the program is compiled. None
# if the compiler does not tell.
Memory = dict[str, int | None]
BLOCKS_ON_DEVICE = 3  # of streamed data: one is computed, one sent, one waits to be freed


def data_bytes(config: Config, data: Dataset, runs: int = 1) -> int:
    """Returns the bytes of the examples that the runs of a program have on each device."""
    example = math.prod(data.pixels.shape[1:]) * data.pixels.dtype.itemsize
    example += data.labels.dtype.itemsize if config.network.conditional else 0
    if not config.data.stream:
        return example * len(data.pixels)
    block = config.data.stream * config.train.batch_size * config.train.d_steps * runs
    # The examples of a block are divided among the devices.
    return example * block * BLOCKS_ON_DEVICE // (config.parallel.devices or jax.device_count())


def bytes_on_device(tree: Any) -> int:
    """Returns the bytes on each device of arrays, or of the shapes of arrays on one device."""

    def leaf_bytes(leaf: Any) -> int:
        shape = leaf.sharding.shard_shape(leaf.shape) if leaf.sharding else leaf.shape
        return math.prod(shape) * leaf.dtype.itemsize

    return sum(map(leaf_bytes, jax.tree.leaves(tree)))


def temporary_bytes(program: jax.stages.Compiled) -> int | None:
    """Returns TEMPORARIES of a program."""
    try:
        analysis = program.memory_analysis()
    except jax.errors.JaxRuntimeError:  # a plugin need not have it
        return None
    return analysis.temp_size_in_bytes if analysis else None


@contextlib.contextmanager
def explain_out_of_memory(config: Config, memory: Memory) -> Iterator[None]:
    """Raises UserError if a device is out of memory: what the run takes, and what takes less."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        if OUT_OF_MEMORY not in reason:
            raise
        raise UserError(
            f"a device is out of memory ({reason}). The run takes about {_describe(memory)} on "
            f"each device. {MEMORY_HINT}; {'; '.join(_remedies(config))}"
        ) from None


def _describe(memory: Memory) -> str:
    known = {use: size for use, size in memory.items() if size is not None}
    parts = ", ".join(f"{use} {_readable(size)}" for use, size in known.items())
    return f"{_readable(sum(known.values()))} ({parts})"


def _readable(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _remedies(config: Config) -> Iterator[str]:
    """Yields what takes less memory, what costs least first."""
    if not config.data.stream:
        yield "set config.data.stream=16, which this folder allows"
    smaller = []
    devices = config.parallel.devices or jax.device_count()
    if config.seeds and min(seeds_per_program(config, devices), len(seeds_of(config))) > 1:
        smaller.append("fewer runs in one program (config.train.seeds_at_once)")
    if "remat" in network_spec(config.network.name).settings and not config.network.remat:
        smaller.append("config.network.remat=True")
    smaller += ["a smaller config.train.batch_size", "a smaller network"]
    yield f"in another --workdir: {', '.join(smaller[:-1])} or {smaller[-1]}"
