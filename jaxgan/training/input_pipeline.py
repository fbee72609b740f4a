"""Feeds the device: with indices into resident data, or with the examples of the next steps.

Streamed data stay on the host or its disk. The host follows the same order of examples and sends
those of a few steps at a time, so that the device computes the same bits. Each device gets its part
of every batch, or the batches of its runs; each process reads only what its devices get.
"""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Int

from jaxgan.data import epoch_orders
from jaxgan.data.gather import gather
from jaxgan.gan.padded_steps import has_one_program, pad_steps
from jaxgan.parallel.mesh import local_slice, replicate, shard
from jaxgan.parallel.run_axis import shard_runs
from jaxgan.runs.plan import Chunk, epochs_of
from jaxgan.training.setup import TrainingSetup
from jaxgan.types import GatheredExamples, Labels, Order, Orders

READ_AHEAD = 2  # blocks
LONG_ENOUGH = 1.0  # seconds; a call that is expected to take less is made longer


class StepBlock(NamedTuple):
    """The steps of one device call: arguments of `train_epoch` after the GAN and the state.

    Attributes:
      labels: None where the GAN uses none, or where `pixels` has them.
      num_steps: number of steps; None: as many as `order` has rows.
    """

    pixels: Any  # Pixels | GatheredExamples
    order: Order | Orders
    labels: Labels | np.ndarray | None
    num_steps: Int[Array, ""] | None

    @property
    def steps(self) -> int:
        return self.order.shape[-2] if self.num_steps is None else int(self.num_steps)


BlocksOfChunk = Callable[[Chunk], Iterator[StepBlock]]  # called for one chunk after the other


@contextlib.contextmanager
def open_input_pipeline(setup: TrainingSetup, seeds: Sequence[int]) -> Iterator[BlocksOfChunk]:
    """Opens the source of each chunk's blocks; nothing is read once the context ends.

    Args:
      seeds: the seed of the run, or those of the runs whose states are stacked.
    """
    mesh, orders, lengths = setup.gan.mesh, _EpochOrders(setup, seeds), _CallLengths(setup)

    def resident(chunk: Chunk) -> Iterator[StepBlock]:
        order = orders.of_steps(chunk.start, chunk.stop)
        if not has_one_program():
            yield StepBlock(setup.pixels, replicate(mesh, order), setup.labels, None)
            return
        # On the host, since each slice on the device is a program of its own.
        known = np.asarray(order)
        for start, stop in lengths.split(chunk):
            rows = known[..., start - chunk.start : stop - chunk.start, :]
            rows, num_steps = _send(mesh, pad_steps(rows, lengths.rows, axis=-2))
            yield StepBlock(setup.pixels, rows, setup.labels, num_steps)

    if not setup.config.data.stream:
        yield resident
        return
    streamed = _StreamedBlocks(setup, orders, lengths)
    try:
        yield streamed.blocks
    finally:
        streamed.close()


def _send(mesh: Mesh | None, tree: Any) -> Any:
    """Sends arrays to every device: explicitly, as blocks run under a guard against transfers."""
    return replicate(mesh, tree) if mesh else jax.device_put(tree)


class _CallLengths:
    """Divides chunks into the steps of device calls.

    Where one program does any number of steps, the first calls of a start are short, so that the
    user soon sees losses. Calls get longer while one is expected to take less than LONG_ENOUGH. The
    bits do not depend on it.

    Attributes:
      rows: the length of every call's order, of which a call need not use all.
    """

    def __init__(self, setup: TrainingSetup):
        chunk, mesh = setup.plan.chunk, setup.gan.mesh
        self.rows = min(setup.config.data.stream or chunk, chunk)
        # Several processes must make the same calls, and each has its own clock.
        grows = has_one_program() and not (mesh and mesh.is_multi_process)
        self._steps = 1 if grows else self.rows

    def split(self, chunk: Chunk) -> Iterator[tuple[int, int]]:
        """Yields (first step, step past the last) of each call; measures how long the caller takes.

        Between two calls the caller waits for the one before. The first call of a chunk tells
        nothing: meanwhile the chunk before is written down.
        """
        start, last = chunk.start, 0
        while start < chunk.stop:
            stop = min(start + self._steps, chunk.stop)
            asked = time.monotonic()
            yield start, stop
            seconds = time.monotonic() - asked
            if last and seconds * self._steps < LONG_ENOUGH * last:
                self._steps = min(2 * self._steps, self.rows)
            last, start = stop - start, stop


class _StreamedBlocks:
    """Blocks of at most config.data.stream steps, which threads of the host read ahead."""

    def __init__(self, setup: TrainingSetup, orders: "_EpochOrders", lengths: _CallLengths):
        self._plan, self._mesh, self._lengths = setup.plan, setup.gan.mesh, lengths
        self._pixels, self._labels, self._orders = setup.pixels, setup.labels, orders
        self._own = local_slice(self._mesh, setup.config.train.batch_size)
        self._steps: Any = None  # Grain's iterator

    def blocks(self, chunk: Chunk) -> Iterator[StepBlock]:
        # Grain takes long to import, and only runs that stream need it.
        from jaxgan.data.prefetch import prefetch

        # Opened by the first chunk, since a resumed run does not start at step 0.
        if self._steps is None:
            steps = range(chunk.start, self._plan.total)
            self._steps = prefetch(self._read, steps, READ_AHEAD * self._lengths.rows)
        for start, stop in self._lengths.split(chunk):
            parts = [next(self._steps) for _ in range(start, stop)]
            # Axis 0 is that of the runs.
            rows, examples = jax.tree.map(lambda *arrays: np.stack(arrays, axis=1), *parts)
            num_steps = None
            if has_one_program():
                padded = pad_steps((rows, examples), self._lengths.rows, axis=1)
                (rows, examples), num_steps = padded
            rows = rows.reshape(*rows.shape[:2], -1)
            rows = rows if len(rows) > 1 else rows[0]
            rows, num_steps = _send(self._mesh, (rows, num_steps))
            yield StepBlock(self._on_devices(examples), rows, None, num_steps)

    def close(self) -> None:
        if self._steps is not None:
            self._steps.close()

    def _read(self, step: int) -> tuple[np.ndarray, GatheredExamples]:
        """Returns a step's indices, and its examples for the devices of this process.

        Runs are the leading axis.
        """
        rows = self._orders.of_step(step)
        return rows, gather(self._pixels, self._labels, rows[..., self._own])

    def _on_devices(self, examples: GatheredExamples) -> GatheredExamples:
        if len(examples.pixels) > 1:
            return shard_runs(self._mesh, examples)
        return shard(self._mesh, jax.tree.map(lambda array: array[0], examples), axis=2)


class _EpochOrders:
    """The order of the examples in each epoch, of one run or of several; safe for threads."""

    def __init__(self, setup: TrainingSetup, seeds: Sequence[int]):
        train = setup.config.train
        self._keys = [jax.random.key(seed) for seed in seeds]
        self._size, self._plan = len(setup.pixels), setup.plan
        self._last_epoch = epochs_of(setup.plan, 0, setup.plan.total).stop
        self._batches = (train.d_steps, train.batch_size)
        self._newest: tuple[range, Order | Orders] | None = None
        self._known: dict[int, np.ndarray] = {}
        self._lock = threading.Lock()

    def of_steps(self, start: int, stop: int) -> Order | Orders:
        """Returns the rows of indices of some steps, counted over the run."""
        epochs = epochs_of(self._plan, start, stop)
        # Kept, since several chunks in a row can be of one epoch.
        if self._newest is None or self._newest[0] != epochs:
            self._newest = epochs, self._of_epochs(epochs)
        first = epochs.start * self._plan.epoch
        return self._newest[1][..., start - first : stop - first, :]

    def of_step(self, step: int) -> np.ndarray:
        """Returns the (runs, d_steps, images) indices of a step, counted over the run."""
        epoch, row = divmod(step, self._plan.epoch)
        return self._on_host(epoch)[..., row, :].reshape(-1, *self._batches)

    def _of_epochs(self, epochs: range) -> Order | Orders:
        images = math.prod(self._batches)
        orders = [epoch_orders(key, epochs, self._size, images) for key in self._keys]
        return jnp.stack(orders) if len(orders) > 1 else orders[0]

    def _on_host(self, epoch: int) -> np.ndarray:
        with self._lock:
            # The next epoch's order is computed early too, so that nobody waits for it.
            for coming in range(epoch, min(epoch + 2, self._last_epoch)):
                if coming not in self._known:
                    self._known[coming] = np.asarray(self._of_epochs(range(coming, coming + 1)))
            # The epoch before stays: other threads may still read it.
            for past in [known for known in self._known if known < epoch - 1]:
                del self._known[past]
            return self._known[epoch]
