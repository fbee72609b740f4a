"""Which steps a run does in which device call, and which rows of metrics they fill."""

from collections.abc import Iterator
from typing import NamedTuple

from jaxgan.config import Config, TrainConfig, UserError


class Schedule(NamedTuple):
    """Lengths in steps. Rows and chunks never cross the end of an epoch."""

    epoch: int
    row: int
    chunk: int  # a whole number of rows


class Chunk(NamedTuple):
    """Steps `start` to `stop` of an epoch (from 0), done in one device call."""

    epoch: int
    start: int
    stop: int
    ends_epoch: bool


def make_schedule(config: TrainConfig, examples: int) -> Schedule:
    """The schedule of a run over so many examples; what is left over of an epoch is dropped.

    Raises:
      UserError: the data does not fill one step.
    """
    per_step = config.batch_size * config.d_steps
    if per_step > examples:
        needed = f"config.train.batch_size = {config.batch_size}"
        if config.d_steps > 1:
            needed += f" times config.train.d_steps = {config.d_steps}"
        raise UserError(f"{needed}: the data has only {examples} examples")
    epoch = examples // per_step
    row = -(-epoch // config.logs_per_epoch)
    chunk = -(-epoch // config.chunks_per_epoch)
    return Schedule(epoch, row, -(-chunk // row) * row)


def check_horizon(config: Config, schedule: Schedule) -> None:
    """
    Raises:
      UserError: a schedule over images goes on past the end of training.
    """
    images = _images(config, schedule)
    for name, points in vars(config.schedule).items():
        if name != "shape" and points and points[-1][0] > images:
            raise UserError(
                f"config.schedule.{name} = {points!r}: ends at {points[-1][0]:g} images; must be "
                f"within the run's {images} (config.train.epochs = {config.train.epochs})"
            )


def long_average(config: Config, schedule: Schedule) -> str:
    """A warning where the generator's average ends with a half-life longer than the run, or ""."""
    images = _images(config, schedule)
    factor = config.schedule.ema[-1][1] if config.schedule.ema else 1
    if config.ema.half_life * factor <= images:
        return ""
    by = f" times {factor:g} (config.schedule.ema)" if factor != 1 else ""
    return (
        f"config.ema.half_life = {config.ema.half_life}{by}: is longer than the run's {images} "
        "images; the average will be mostly of the first weights"
    )


def _images(config: Config, schedule: Schedule) -> int:
    train = config.train
    return train.epochs * schedule.epoch * train.batch_size * train.d_steps


def chunks(schedule: Schedule, step: int, epochs: int) -> Iterator[Chunk]:
    """The chunks from `step` to the end of the last epoch."""
    while step < epochs * schedule.epoch:
        epoch, start = divmod(step, schedule.epoch)
        stop = min(start + schedule.chunk, schedule.epoch)
        yield Chunk(epoch, start, stop, stop == schedule.epoch)
        step += stop - start


def row_bounds(schedule: Schedule, chunk: Chunk) -> list[tuple[int, int]]:
    """(first, past the last) step of each row within a chunk, counted from the chunk's start."""
    length = chunk.stop - chunk.start
    return [(i, min(i + schedule.row, length)) for i in range(0, length, schedule.row)]


def row_steps(schedule: Schedule, step: int) -> list[int]:
    """The last steps of the rows that a run has written at `step`."""
    ends = [*range(schedule.row, schedule.epoch, schedule.row), schedule.epoch]
    epochs = range(0, step, schedule.epoch)
    return [first + end for first in epochs for end in ends if first + end <= step]
