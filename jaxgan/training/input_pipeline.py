"""Feeds the device: with indices into resident data, or with the examples of the next steps.

Streamed data stay on the host or its disk. The host follows the same order of examples and sends
those of a few steps at a time, so that the device computes the same bits. Each device gets its part
of every batch, or the batches of its runs; each process reads only what its devices get.

On CPU one program does any number of steps. So the first calls of a start are short, and the user
soon sees losses. Elsewhere the number of steps is part of a program, since a GPU would wait for the
host in every step to learn whether there is one more.
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
from jaxgan.parallel.mesh import local_slice, replicate, shard
from jaxgan.parallel.run_axis import shard_runs
from jaxgan.runs.plan import Chunk, epochs_of
from jaxgan.training.setup import TrainingSetup
from jaxgan.types import GatheredExamples, Labels, Order, Orders

READ_AHEAD = 2  # blocks
LONG_ENOUGH = 1.0  # seconds of a call on CPU, from which on calls do not get longer


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
    split = _Lengths(setup.config.data.stream, setup.plan.chunk)
    orders = _EpochOrders(setup, seeds, on_host=split.one_program)

    def resident(chunk: Chunk) -> Iterator[StepBlock]:
        for start, stop in split(chunk):
            order, num_steps = split.pad(orders.of_steps(start, stop), axis=-2)
            order, num_steps = _send(setup.gan.mesh, (order, num_steps))
            yield StepBlock(setup.pixels, order, setup.labels, num_steps)

    if not setup.config.data.stream:
        yield resident
        return
    streamed = _StreamedBlocks(setup, orders, split)
    try:
        yield streamed.blocks
    finally:
        streamed.close()


def _send(mesh: Mesh | None, tree: Any) -> Any:
    """Sends arrays to every device: explicitly, as blocks run under a guard against transfers."""
    return replicate(mesh, tree) if mesh else jax.device_put(tree)


class _Lengths:
    """Divides chunks into the steps of device calls.

    On CPU the first call of a start is one step, and each next one twice as long, until one takes
    LONG_ENOUGH; later chunks keep that length. What is computed does not depend on it.
    """

    def __init__(self, stream: int, chunk: int):
        """Takes `config.data.stream` and the length of a chunk, in steps."""
        self.rows = min(stream or chunk, chunk)
        self.one_program = self._grows = jax.default_backend() == "cpu"
        self._steps = 1 if self._grows else self.rows

    def __call__(self, chunk: Chunk) -> Iterator[tuple[int, int]]:
        """Yields (first step, step past the last) of each call."""
        start = chunk.start
        while start < chunk.stop:
            stop = min(start + self._steps, chunk.stop)
            asked = time.monotonic()
            yield start, stop
            # The caller has waited for the call before this one. The first one was compiled.
            if start > chunk.start and time.monotonic() - asked > LONG_ENOUGH:
                self._grows = False
            if self._grows:
                self._steps = min(2 * self._steps, self.rows)
            start = stop
        if self._grows:
            self._grows, self._steps = False, self.rows

    def pad(self, tree: Any, axis: int) -> tuple[Any, np.ndarray | None]:
        """Gives an axis over a call's steps the length that the program has, filled with zeros.

        Returns:
          The arrays, and the number of steps where the program has to be told it.
        """
        if not self.one_program:
            return tree, None
        steps = jax.tree.leaves(tree)[0].shape[axis]

        def longer(array: Array | np.ndarray) -> np.ndarray:
            widths = [(0, 0)] * array.ndim
            widths[axis] = (0, self.rows - steps)
            return np.pad(array, widths)

        return jax.tree.map(longer, tree), np.asarray(steps, np.int32)


class _StreamedBlocks:
    """Blocks of config.data.stream steps each, which threads of the host read ahead."""

    def __init__(self, setup: TrainingSetup, orders: "_EpochOrders", split: _Lengths):
        self._plan, self._mesh, self._split = setup.plan, setup.gan.mesh, split
        self._pixels, self._labels, self._orders = setup.pixels, setup.labels, orders
        self._own = local_slice(self._mesh, setup.config.train.batch_size)
        self._steps: Any = None  # Grain's iterator

    def blocks(self, chunk: Chunk) -> Iterator[StepBlock]:
        # Grain takes long to import, and only runs that stream need it.
        from jaxgan.data.prefetch import prefetch

        # Opened by the first chunk, since a resumed run does not start at step 0.
        if self._steps is None:
            steps = range(chunk.start, self._plan.total)
            self._steps = prefetch(self._read, steps, READ_AHEAD * self._split.rows)
        for start, stop in self._split(chunk):
            parts = [next(self._steps) for _ in range(start, stop)]
            # Axis 0 is that of the runs.
            rows, examples = jax.tree.map(lambda *arrays: np.stack(arrays, axis=1), *parts)
            (rows, examples), num_steps = self._split.pad((rows, examples), axis=1)
            rows = rows.reshape(*rows.shape[:2], -1)
            rows, num_steps = _send(self._mesh, (rows if len(rows) > 1 else rows[0], num_steps))
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

    def __init__(self, setup: TrainingSetup, seeds: Sequence[int], on_host: bool):
        """Takes a setup and the seeds; `on_host` says where `of_steps` has its rows."""
        self._place = np.asarray if on_host else jnp.asarray
        train = setup.config.train
        self._keys = [jax.random.key(seed) for seed in seeds]
        self._size, self._plan = len(setup.pixels), setup.plan
        self._last_epoch = epochs_of(setup.plan, 0, setup.plan.total).stop
        self._batches = (train.d_steps, train.batch_size)
        self._newest: tuple[range, Order | Orders | np.ndarray] | None = None
        self._known: dict[int, np.ndarray] = {}
        self._lock = threading.Lock()

    def of_steps(self, start: int, stop: int) -> Order | Orders | np.ndarray:
        """Returns the rows of indices of some steps, counted over the run."""
        epochs = epochs_of(self._plan, start, stop)
        # Kept, since several chunks in a row can be of one epoch.
        if self._newest is None or self._newest[0] != epochs:
            self._newest = epochs, self._place(self._of_epochs(epochs))
        first = epochs.start * self._plan.epoch
        rows: Order | Orders | np.ndarray = self._newest[1][..., start - first : stop - first, :]
        return rows

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
