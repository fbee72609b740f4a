"""The step plan: which steps are written down together, and which steps one metrics row covers."""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config, TrainConfig
from jaxgan.gan.schedules import piecewise_schedule, schedule_in_images

PARTS = 1000  # of a run, over which a schedule is integrated


class StepPlan(NamedTuple):
    """Lengths in steps. Rows and chunks never cross the end of an interval.

    Attributes:
      epoch: one pass over the data; what does not fill a last step is left out.
      interval: the unit of config.save.every and the like: an epoch or, with config.train.images,
        the steps that take config.train.interval_images images, across as many passes as that is.
      row: covered by one row of metrics.
      chunk: written down together; a whole number of rows. On CPU it may take several device calls.
      total: all steps of the run; the last interval may be shorter than the others.
    """

    epoch: int
    interval: int
    row: int
    chunk: int
    total: int


class Chunk(NamedTuple):
    """Steps `start` to `stop` of a run (from 0), which are written down together.

    Attributes:
      interval: the number of the interval that they are in, from 1.
      ends_interval: True if they are its last ones.
    """

    interval: int
    start: int
    stop: int
    ends_interval: bool


def make_step_plan(config: TrainConfig, examples: int) -> StepPlan:
    """Returns the plan of a run over a number of examples.

    Raises:
      UserError: the data do not fill one step.
    """
    per_step = images_per_step(config)
    if per_step > examples:
        needed = f"config.train.batch_size = {config.batch_size}"
        if config.d_steps > 1:
            needed += f" times config.train.d_steps = {config.d_steps}"
        raise UserError(f"{needed}: the data has {examples} examples; must be at most {examples}")
    epoch = examples // per_step
    # Rounded up, so that a run is never shorter than was asked for.
    interval = -(-config.interval_images // per_step) if config.images else epoch
    total = -(-config.images // per_step) if config.images else config.epochs * epoch
    # Rounded up, so that there are at most as many rows and chunks as were asked for.
    row = -(-interval // config.logs_per_epoch)
    chunk = -(-interval // config.chunks_per_epoch)
    # Whole rows, so that a row's steps are on the host at the same time.
    return StepPlan(epoch, interval, row, -(-chunk // row) * row, total)


def chunks(plan: StepPlan, step: int) -> Iterator[Chunk]:
    """Yields the chunks from `step` to the end of the run."""
    while step < plan.total:
        # A signal ends a run after any chunk, so the first one may start within an interval, and
        # within a chunk if the settings have changed since.
        interval, done = divmod(step, plan.interval)
        end = min((interval + 1) * plan.interval, plan.total)
        stop = min(step - done % plan.chunk + plan.chunk, end)
        yield Chunk(interval + 1, step, stop, stop == end)
        step = stop


def row_bounds(plan: StepPlan, chunk: Chunk) -> list[tuple[int, int]]:
    """Returns (first step, step past the last) of each row in a chunk, from the chunk's start."""
    # Rows are counted from the start of the interval.
    first = (chunk.start % plan.interval) % plan.row
    ends = range(plan.row - first, chunk.stop - chunk.start, plan.row)
    return list(itertools.pairwise([0, *ends, chunk.stop - chunk.start]))


def epochs_of(plan: StepPlan, start: int, stop: int) -> range:
    """Returns the passes over the data, from 0, that steps `start` to `stop` of a run are in."""
    return range(start // plan.epoch, -(-stop // plan.epoch))


def images_per_step(train: TrainConfig) -> int:
    """Returns the number of real images that a step takes."""
    return train.batch_size * train.d_steps


def images_in_run(train: TrainConfig, plan: StepPlan) -> int:
    """Returns the number of real images that all steps of a run take."""
    return plan.total * images_per_step(train)


def ema_halvings(config: Config, images: int) -> float:
    """Returns how often the weight of the first state in the generator's EMA is halved in a run."""
    if not config.ema.half_life:
        return math.inf
    points = schedule_in_images(config.schedule, images).ema
    # As a float, since JAX takes no whole number beyond those of 32 bits.
    midpoints = (jnp.arange(PARTS) + 0.5) * (images / PARTS)
    schedule = piecewise_schedule(points, config.schedule.shape) if points else jnp.ones_like
    # A schedule may reach 0, and the next line divides by these factors.
    factors = jnp.maximum(schedule(midpoints), 1e-6)
    return float(jnp.mean(images / config.ema.half_life / factors))
