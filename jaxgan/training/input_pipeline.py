"""What the device is given of the data for its next steps: all of it, or the examples they take.

Data that are streamed stay on the host or its disk. The host walks the same order, and sends the
examples of some steps at a time; the device computes the same with them, to the bit. Of several
devices each gets its part of every batch, or the batches of its runs, and of several processes each
reads what its devices get.
"""

import contextlib
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan.config.schema import Config
from jaxgan.data import epoch_order
from jaxgan.data.lazy_array import Array, gather
from jaxgan.gan.state import TrainState
from jaxgan.parallel.mesh import local_slice, replicate, shard
from jaxgan.parallel.run_axis import shard_runs
from jaxgan.runs.plan import Chunk, StepPlan
from jaxgan.types import GatheredExamples, Labels, Metrics, Order, Orders

READ_AHEAD = 2  # blocks


class StepBlock(NamedTuple):
    """Some steps, for one call of the device: what `train_epoch` takes besides rules and state.

    Attributes:
      labels: None where the GAN is told none, or they are in `Taken`.
    """

    pixels: Any  # Pixels | Taken
    order: Order | Orders
    labels: Labels | None


BlocksOfChunk = Callable[[Chunk], Iterator[StepBlock]]  # of chunks that follow each other
RunBlock = Callable[[TrainState, StepBlock], tuple[TrainState, Metrics]]


@contextlib.contextmanager
def open_input_pipeline(
    config: Config,
    plan: StepPlan,
    mesh: Mesh | None,
    pixels: Any,
    labels: Any,
    seeds: Sequence[int],
) -> Iterator[BlocksOfChunk]:
    """The blocks of each chunk, for the run of this seed, or what `train_epochs` takes for those of
    several; nothing is read once the context ends.

    `pixels` and `labels` are on the device; on the host where config.data.stream is set.
    """
    orders = _EpochOrders(config, plan, len(pixels), seeds)

    def resident(chunk: Chunk) -> Iterator[StepBlock]:
        order = orders.of_epoch(chunk.epoch)[..., chunk.start : chunk.stop, :]
        yield StepBlock(pixels, replicate(mesh, order), labels)

    if not config.data.stream:
        yield resident
        return
    streamed = _StreamedBlocks(config, plan, mesh, pixels, labels, orders)
    try:
        yield streamed.blocks
    finally:
        streamed.close()


def run_blocks(
    run_block: RunBlock, state: TrainState, blocks: Iterable[StepBlock]
) -> tuple[TrainState, Metrics]:
    """Runs the blocks one after the other; the metrics are as of one call.

    While the device computes a block the host sends it the next one, and no more than that.
    """
    done: list[Metrics] = []
    pending: deque[Metrics] = deque()
    for block in blocks:
        state, history = run_block(state, block)
        pending.append(history)
        if len(pending) > 1:
            done.append(jax.device_get(pending.popleft()))
    return state, _joined([*done, *pending])


def _joined(parts: Sequence[Metrics]) -> Metrics:
    if len(parts) == 1:
        return parts[0]
    *done, last = parts  # only the last may still be computed
    known = {name: np.concatenate([part[name] for part in done], axis=-1) for name in last}
    return {name: jnp.concatenate([known[name], last[name]], axis=-1) for name in last}


class _StreamedBlocks:
    """Blocks of so many steps as config.data.stream says, read ahead by threads of the host."""

    def __init__(
        self,
        config: Config,
        plan: StepPlan,
        mesh: Mesh | None,
        pixels: Array,
        labels: np.ndarray | None,
        orders: "_EpochOrders",
    ):
        self._size, self._plan, self._mesh = config.data.stream, plan, mesh
        self._last = config.train.epochs * plan.epoch
        self._pixels, self._labels, self._orders = pixels, labels, orders
        self._own = local_slice(mesh, config.train.batch_size)
        self._steps: Any = None  # Grain's iterator

    def blocks(self, chunk: Chunk) -> Iterator[StepBlock]:
        from jaxgan.data.prefetch import prefetch  # slow: only where data are streamed

        if self._steps is None:
            steps = range(chunk.epoch * self._plan.epoch + chunk.start, self._last)
            ahead = READ_AHEAD * min(self._size, self._plan.chunk)
            self._steps = prefetch(self._read, steps, ahead)
        order = self._orders.on_host(chunk.epoch)
        for start in range(chunk.start, chunk.stop, self._size):
            stop = min(start + self._size, chunk.stop)
            parts = [next(self._steps) for _ in range(start, stop)]
            examples = jax.tree.map(lambda *arrays: np.stack(arrays, axis=1), *parts)
            rows = order[..., start:stop, :]
            rows = replicate(self._mesh, rows) if self._mesh else jax.device_put(rows)
            yield StepBlock(self._on_devices(examples), rows, None)

    def close(self) -> None:
        if self._steps is not None:
            self._steps.close()

    def _read(self, step: int) -> GatheredExamples:
        """What a step takes on the devices of this process; runs are the leading axis."""
        return gather(self._pixels, self._labels, self._orders.of_step(step)[..., self._own])

    def _on_devices(self, examples: GatheredExamples) -> GatheredExamples:
        if len(examples.pixels) > 1:
            return shard_runs(self._mesh, examples)
        return shard(self._mesh, jax.tree.map(lambda array: array[0], examples), axis=2)


class _EpochOrders:
    """Which examples the run takes, or each of several; also asked by threads that read ahead."""

    def __init__(self, config: Config, plan: StepPlan, size: int, seeds: Sequence[int]):
        self._keys = [jax.random.key(seed) for seed in seeds]
        self._size, self._epoch, self._epochs = size, plan.epoch, config.train.epochs
        self._batches = (config.train.d_steps, config.train.batch_size)
        self._known: dict[int, Order | Orders] = {}
        self._lock = threading.Lock()

    def of_epoch(self, epoch: int) -> Order | Orders:
        images = math.prod(self._batches)
        found = [epoch_order(key, epoch, self._size, images) for key in self._keys]
        return jnp.stack(found) if len(found) > 1 else found[0]

    def of_step(self, step: int) -> np.ndarray:
        """(runs, d_steps, images) of a step, counted from the first of all."""
        epoch, row = divmod(step, self._epoch)
        return self.on_host(epoch)[..., row, :].reshape(-1, *self._batches)

    def on_host(self, epoch: int) -> np.ndarray:
        """`of_epoch`, known to the host."""
        with self._lock:  # the device begins an epoch early, so that nobody waits for its order
            for coming in range(epoch, min(epoch + 2, self._epochs)):
                if coming not in self._known:
                    self._known[coming] = self.of_epoch(coming)
            for past in [known for known in self._known if known < epoch - 1]:
                del self._known[past]
            order = self._known[epoch]
        return np.asarray(order)
