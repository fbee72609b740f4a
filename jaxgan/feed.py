"""What the device is given of the data for its next steps: all of it, or the examples they take.

Data that are streamed stay on the host or its disk. The host walks the same order, and sends the
examples of some steps at a time; the device computes the same with them, to the bit.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan.config import Config
from jaxgan.data import epoch_order
from jaxgan.mesh import on_all
from jaxgan.schedule import Chunk, Schedule
from jaxgan.state import TrainState
from jaxgan.types import Labels, Metrics, Order, Pixels

READ_AHEAD = 2  # blocks


class Block(NamedTuple):
    """Some steps, for one call of the device: what `train_epochs` takes besides rules and states.

    Attributes:
      orders: of each run, the examples that every step takes.
      labels: None where the GAN is told none.
      places: where in `pixels` and `labels` these examples are; None where at their indices.
    """

    pixels: Any  # Pixels
    orders: list[Order]
    labels: Labels | None
    places: list[Order] | None


Blocks = Callable[[Chunk], Iterator[Block]]  # of chunks that follow each other
RunBlock = Callable[[list[TrainState], Block], tuple[list[TrainState], list[Metrics]]]


@contextlib.contextmanager
def feed(
    config: Config,
    schedule: Schedule,
    mesh: Mesh | None,
    pixels: Any,
    labels: Any,
    seeds: Sequence[int],
) -> Iterator[Blocks]:
    """The blocks of each chunk, for runs of these seeds; nothing is read once the context ends.

    `pixels` and `labels` are on the device; on the host where config.data.stream is set.
    """
    orders = _Orders(config, schedule, len(pixels), seeds)

    def resident(chunk: Chunk) -> Iterator[Block]:
        found = [order[chunk.start : chunk.stop] for order in orders.of_epoch(chunk.epoch)]
        yield Block(pixels, on_all(mesh, found), labels, None)

    if not config.data.stream:
        yield resident
        return
    streamed = _Streamed(config, schedule, mesh, pixels, labels, orders)
    try:
        yield streamed.blocks
    finally:
        streamed.close()


def of_first(block: Block) -> tuple[Pixels, Order, Labels | None, Order | None]:
    """What `train_epoch` takes of a block: that of the first run."""
    pixels, orders, labels, places = block
    return pixels, orders[0], labels, places[0] if places else None


def in_turn(
    run_block: RunBlock, states: list[TrainState], blocks: Iterable[Block]
) -> tuple[list[TrainState], list[Metrics]]:
    """Runs the blocks one after the other; the metrics are as of one call.

    While the device computes a block the host sends it the next one, and no more than that.
    """
    done: list[list[Metrics]] = []
    pending: deque[list[Metrics]] = deque()
    for block in blocks:
        states, histories = run_block(states, block)
        pending.append(histories)
        if len(pending) > 1:
            done.append(jax.device_get(pending.popleft()))
    return states, [_joined(parts) for parts in zip(*done, *pending, strict=True)]


def gathered(
    pixels: Any, order: Order, labels: Any
) -> tuple[Pixels, Order, Labels | None, Order | None]:
    """What `train_epoch` takes for some steps of one run; read now where not on the device."""
    if isinstance(pixels, jax.Array):
        return pixels, order, labels, None
    rows = np.asarray(order)
    return of_first(_block(None, rows[:, None], pixels[rows.reshape(-1)], labels))


def _joined(parts: Sequence[Metrics]) -> Metrics:
    if len(parts) == 1:
        return parts[0]
    *done, last = parts  # only the last may still be computed
    known = {name: np.concatenate([part[name] for part in done]) for name in last}
    return {name: jnp.concatenate([known[name], last[name]]) for name in last}


def _block(mesh: Mesh | None, rows: np.ndarray, pixels: np.ndarray, labels: Any) -> Block:
    """`rows` are (steps, runs, examples), and `pixels` of each of these in turn; `labels` are of
    all the data."""
    places = np.arange(rows.size, dtype=np.int32).reshape(rows.shape)
    orders, there = ([array[:, run] for run in range(rows.shape[1])] for array in (rows, places))
    chosen = None if labels is None else labels[rows.reshape(-1)]
    return Block(*on_all(mesh, jax.device_put((pixels, orders, chosen, there))))


class _Streamed:
    """Blocks of so many steps as config.data.stream says, read ahead by threads of the host."""

    def __init__(
        self,
        config: Config,
        schedule: Schedule,
        mesh: Mesh | None,
        pixels: Any,
        labels: Any,
        orders: "_Orders",
    ):
        self._size, self._schedule, self._mesh = config.data.stream, schedule, mesh
        self._last = config.train.epochs * schedule.epoch
        self._pixels, self._labels, self._orders = pixels, labels, orders
        self._steps: Any = None  # Grain's iterator

    def blocks(self, chunk: Chunk) -> Iterator[Block]:
        from jaxgan.data.ahead import read_ahead  # slow: only where data are streamed

        if self._steps is None:
            steps = range(chunk.epoch * self._schedule.epoch + chunk.start, self._last)
            ahead = READ_AHEAD * min(self._size, self._schedule.chunk)
            self._steps = read_ahead(self._pixels, self._orders.of_step, steps, ahead)
        for start in range(chunk.start, chunk.stop, self._size):
            count = min(self._size, chunk.stop - start)
            taken = [next(self._steps) for _ in range(count)]
            rows = np.stack([step.rows for step in taken])
            pixels = np.concatenate([step.pixels for step in taken])
            yield _block(self._mesh, rows, pixels, self._labels)

    def close(self) -> None:
        if self._steps is not None:
            self._steps.close()


class _Orders:
    """Which examples each run takes; also asked by threads that read ahead."""

    def __init__(self, config: Config, schedule: Schedule, size: int, seeds: Sequence[int]):
        self._keys = [jax.random.key(seed) for seed in seeds]
        self._size, self._epoch, self._epochs = size, schedule.epoch, config.train.epochs
        self._per_step = config.train.batch_size * config.train.d_steps
        self._known: dict[int, list[Order]] = {}
        self._lock = threading.Lock()

    def of_epoch(self, epoch: int) -> list[Order]:
        return [epoch_order(key, epoch, self._size, self._per_step) for key in self._keys]

    def of_step(self, step: int) -> np.ndarray:
        """(runs, examples) of a step, counted from the first of all."""
        epoch, row = divmod(step, self._epoch)
        with self._lock:  # the device begins an epoch early, so that nobody waits for its order
            for coming in range(epoch, min(epoch + 2, self._epochs)):
                if coming not in self._known:
                    self._known[coming] = self.of_epoch(coming)
            for past in [known for known in self._known if known < epoch - 1]:
                del self._known[past]
            orders = self._known[epoch]
        return np.stack([np.asarray(order)[row] for order in orders])
