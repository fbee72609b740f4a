"""The step plan: which steps one device call computes, and which steps one metrics row covers."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config, TrainConfig
from jaxgan.gan.schedules import piecewise_schedule

INTERVALS = 1000  # of a run, over which a schedule is integrated


class StepPlan(NamedTuple):
    """Lengths in steps. Rows and chunks never cross the end of an epoch.

    Attributes:
      epoch: one pass over the data; what does not fill a last step is left out.
      row: covered by one row of metrics.
      chunk: computed in one device call; a whole number of rows.
    """

    epoch: int
    row: int
    chunk: int


class Chunk(NamedTuple):
    """Steps `start` to `stop` of an epoch (from 0), computed in one device call."""

    epoch: int
    start: int
    stop: int
    ends_epoch: bool


def make_step_plan(config: TrainConfig, examples: int) -> StepPlan:
    """Returns the plan of a run over a number of examples.

    Raises:
      UserError: the data do not fill one step.
    """
    per_step = config.batch_size * config.d_steps
    if per_step > examples:
        needed = f"config.train.batch_size = {config.batch_size}"
        if config.d_steps > 1:
            needed += f" times config.train.d_steps = {config.d_steps}"
        raise UserError(f"{needed}: the data has only {examples} examples")
    epoch = examples // per_step
    # Rounded up, so that there are at most as many rows and calls as were asked for.
    row = -(-epoch // config.logs_per_epoch)
    chunk = -(-epoch // config.chunks_per_epoch)
    # Whole rows, so that a row's steps are on the host at the same time.
    return StepPlan(epoch, row, -(-chunk // row) * row)


def chunks(plan: StepPlan, step: int, epochs: int) -> Iterator[Chunk]:
    """Yields the chunks from `step` to the end of the last epoch."""
    while step < epochs * plan.epoch:
        # A signal ends a run after any chunk, so the first one may start within an epoch.
        epoch, start = divmod(step, plan.epoch)
        stop = min(start + plan.chunk, plan.epoch)
        yield Chunk(epoch, start, stop, stop == plan.epoch)
        step += stop - start


def row_bounds(plan: StepPlan, chunk: Chunk) -> list[tuple[int, int]]:
    """Returns (first step, step past the last) of each row in a chunk, from the chunk's start."""
    length = chunk.stop - chunk.start
    return [(start, min(start + plan.row, length)) for start in range(0, length, plan.row)]


def row_steps(plan: StepPlan, step: int) -> list[int]:
    """Returns the last step of each row that a run has written when it is at `step`."""
    ends = [*range(plan.row, plan.epoch, plan.row), plan.epoch]
    epoch_starts = range(0, step, plan.epoch)
    return [start + end for start in epoch_starts for end in ends if start + end <= step]


def images_in_run(train: TrainConfig, plan: StepPlan) -> int:
    """Returns the number of real images that all steps of a run take."""
    return train.epochs * plan.epoch * train.batch_size * train.d_steps


def ema_halvings(config: Config, images: int) -> float:
    """Returns how often the weight of the first state in the generator's EMA is halved in a run."""
    if not config.ema.half_life:
        return math.inf
    points = config.schedule.ema
    midpoints = (jnp.arange(INTERVALS) + 0.5) * images / INTERVALS
    schedule = piecewise_schedule(points, config.schedule.shape) if points else jnp.ones_like
    # A schedule may reach 0, and the next line divides by these factors.
    factors = jnp.maximum(schedule(midpoints), 1e-6)
    return float(jnp.mean(images / (config.ema.half_life * factors)))
