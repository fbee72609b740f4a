"""Which steps a run does in which device call, and which rows of metrics they fill."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config, TrainConfig
from jaxgan.gan.schedules import piecewise_schedule

PARTS = 1000  # of a run, over which a schedule is summed


class StepPlan(NamedTuple):
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


def make_step_plan(config: TrainConfig, examples: int) -> StepPlan:
    """Returns the plan of a run over this many examples; an incomplete last batch is dropped.

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
    return StepPlan(epoch, row, -(-chunk // row) * row)


def images_in_run(train: TrainConfig, plan: StepPlan) -> int:
    """Returns the number of real images that all steps of a run take."""
    return train.epochs * plan.epoch * train.batch_size * train.d_steps


def ema_halvings(config: Config, images: int) -> float:
    """Returns how often the first weights in the generator's average are halved in a run."""
    if not config.ema.half_life:
        return math.inf
    points = config.schedule.ema
    middles = (jnp.arange(PARTS) + 0.5) * images / PARTS
    factors = piecewise_schedule(points, config.schedule.shape)(middles) if points else jnp.ones(1)
    return float(jnp.mean(images / (config.ema.half_life * jnp.maximum(factors, 1e-6))))


def chunks(plan: StepPlan, step: int, epochs: int) -> Iterator[Chunk]:
    """The chunks from `step` to the end of the last epoch."""
    while step < epochs * plan.epoch:
        epoch, start = divmod(step, plan.epoch)
        stop = min(start + plan.chunk, plan.epoch)
        yield Chunk(epoch, start, stop, stop == plan.epoch)
        step += stop - start


def row_bounds(plan: StepPlan, chunk: Chunk) -> list[tuple[int, int]]:
    """(first, past the last) step of each row within a chunk, counted from the chunk's start."""
    length = chunk.stop - chunk.start
    return [(i, min(i + plan.row, length)) for i in range(0, length, plan.row)]


def row_steps(plan: StepPlan, step: int) -> list[int]:
    """The last steps of the rows that a run has written at `step`."""
    ends = [*range(plan.row, plan.epoch, plan.row), plan.epoch]
    epochs = range(0, step, plan.epoch)
    return [first + end for first in epochs for end in ends if first + end <= step]
