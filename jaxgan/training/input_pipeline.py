"""Feeds the device: with indices into resident data, or with the examples of the next steps.

Streamed data stay on the host or its disk. The host follows the same order of examples and sends
those of a few steps at a time, so that the device computes the same bits. Each device gets its part
of every batch, or the batches of its runs; each process reads only what its devices get.
"""

import contextlib
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data import epoch_orders
from jaxgan.data.gather import gather
from jaxgan.gan.state import TrainState
from jaxgan.parallel.mesh import local_slice, replicate, shard
from jaxgan.parallel.run_axis import shard_runs
from jaxgan.runs.plan import Chunk, epochs_of
from jaxgan.training.setup import TrainingSetup
from jaxgan.types import GatheredExamples, Labels, Order, Orders, StepOutput

READ_AHEAD = 2  # blocks


class StepBlock(NamedTuple):
    """The steps of one device call: arguments of `train_epoch` after the GAN and the state.

    Attributes:
      labels: None where the GAN uses none, or where `pixels` has them.
    """

    pixels: Any  # Pixels | GatheredExamples
    order: Order | Orders
    labels: Labels | np.ndarray | None


BlocksOfChunk = Callable[[Chunk], Iterator[StepBlock]]  # called for one chunk after the other
RunBlock = Callable[[TrainState, StepBlock], tuple[TrainState, StepOutput]]


@contextlib.contextmanager
def open_input_pipeline(setup: TrainingSetup, seeds: Sequence[int]) -> Iterator[BlocksOfChunk]:
    """Opens the source of each chunk's blocks; nothing is read once the context ends.

    Args:
      seeds: the seed of the run, or those of the runs whose states are stacked.
    """
    mesh, orders = setup.gan.mesh, _EpochOrders(setup, seeds)

    def resident(chunk: Chunk) -> Iterator[StepBlock]:
        order = orders.of_steps(chunk.start, chunk.stop)
        yield StepBlock(setup.pixels, replicate(mesh, order), setup.labels)

    if not setup.config.data.stream:
        yield resident
        return
    streamed = _StreamedBlocks(setup, orders)
    try:
        yield streamed.blocks
    finally:
        streamed.close()


def run_blocks(
    run_block: RunBlock, state: TrainState, blocks: Iterable[StepBlock]
) -> tuple[TrainState, StepOutput]:
    """Runs the blocks one after the other; their outputs are joined as if by one call.

    While the device computes a block the host sends it the next one, and no more than that.
    """
    outputs: list[StepOutput] = []
    for block in blocks:
        state, output = run_block(state, block)
        if outputs:
            outputs[-1] = jax.device_get(outputs[-1])
        outputs.append(output)
    return state, _join(outputs)


def _join(parts: Sequence[StepOutput]) -> StepOutput:
    """Concatenates the steps of blocks; those of the last may not be computed yet."""
    if len(parts) == 1:
        return parts[0]
    *done, last = parts
    known = jax.tree.map(lambda *blocks: np.concatenate(blocks, axis=-1), *done)
    return jax.tree.map(lambda *blocks: jnp.concatenate(blocks, axis=-1), known, last)


class _StreamedBlocks:
    """Blocks of config.data.stream steps each, which threads of the host read ahead."""

    def __init__(self, setup: TrainingSetup, orders: "_EpochOrders"):
        config = setup.config
        self._size, self._plan, self._mesh = config.data.stream, setup.plan, setup.gan.mesh
        self._pixels, self._labels, self._orders = setup.pixels, setup.labels, orders
        self._own = local_slice(self._mesh, config.train.batch_size)
        self._steps: Any = None  # Grain's iterator

    def blocks(self, chunk: Chunk) -> Iterator[StepBlock]:
        # Grain takes long to import, and only runs that stream need it.
        from jaxgan.data.prefetch import prefetch

        # Opened by the first chunk, since a resumed run does not start at step 0.
        if self._steps is None:
            steps = range(chunk.start, self._plan.total)
            # A block ends with its chunk, so it may be shorter than config.data.stream.
            ahead = READ_AHEAD * min(self._size, self._plan.chunk)
            self._steps = prefetch(self._read, steps, ahead)
        for start in range(chunk.start, chunk.stop, self._size):
            stop = min(start + self._size, chunk.stop)
            parts = [next(self._steps) for _ in range(start, stop)]
            # Axis 0 is that of the runs.
            rows, examples = jax.tree.map(lambda *arrays: np.stack(arrays, axis=1), *parts)
            rows = rows.reshape(*rows.shape[:2], -1)
            rows = rows if len(rows) > 1 else rows[0]
            # Sent explicitly, because a block runs under a guard against implicit transfers.
            rows = replicate(self._mesh, rows) if self._mesh else jax.device_put(rows)
            yield StepBlock(self._on_devices(examples), rows, None)

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
