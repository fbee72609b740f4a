"""A run: from a config to a trained GAN in a run directory, resumed where it was left."""

import logging
import dataclasses
import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import plots, records
from jaxgan.apart import each, together
from jaxgan.best import Scored, standing
from jaxgan.config import Config, UserError
from jaxgan.data import Dataset, load_data
from jaxgan.data.stored import Array
from jaxgan.determinism import missing
from jaxgan.doubts import doubts
from jaxgan.feed import Block, feed, in_turn
from jaxgan.following import open_together
from jaxgan.mesh import make_mesh, on_all, own_copy
from jaxgan.monitor import Monitor
from jaxgan.precision import check_precision, slow
from jaxgan.processes import all_processes
from jaxgan.run_directory import Diverged
from jaxgan.sampling import sample_pixels, sampling_variables
from jaxgan.schedule import Chunk, Schedule, check_horizon, chunks, long_average, make_schedule
from jaxgan.signals import stop_signals
from jaxgan.state import Gan, TrainState, build_gan, init_state
from jaxgan.steps import train_epoch, train_epochs
from jaxgan.types import Metrics, Stream, stream_key

logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """How training a run ended.

    Attributes:
      first_step, step, total_steps: before, now and planned.
      signal: that stopped it, or 0.
      distances: at the last evaluation and at the best, or None without one.
      diverged: why it stopped; "" where it did not diverge.
    """

    first_step: int
    step: int
    total_steps: int
    signal: int
    distances: tuple[Scored, Scored] | None
    diverged: str


class Ground(NamedTuple):
    """What a run stands on, and what runs of other seeds share: all that does not change.

    Attributes:
      pixels, labels: on the device; labels where the GAN is class-conditional. On the host with
        config.data.stream.
      environment: for the record.
    """

    config: Config
    data: Dataset
    schedule: Schedule
    gan: Gan
    pixels: jax.Array | Array
    labels: jax.Array | np.ndarray | None
    monitor: Monitor | None
    environment: dict[str, Any]


def train(config: Config, workdir: Path) -> Outcome:
    """Trains, or goes on training, the run in `workdir`.

    Raises:
      UserError: config, data or folder do not allow it; nothing was written then. Or no
        checkpoint is sound, or the disk is full.
      Diverged: config.train.max_skipped steps in a row had an update that was not finite.
    """
    if config.seeds:
        raise UserError("config.seeds: is for jaxgan.ensemble.train_seeds; train has one run")
    ground = prepare(config)
    with stop_signals() as caught:
        (outcome,) = train_together(ground, {workdir: config}, caught)
    if outcome.diverged:
        raise Diverged(outcome.diverged)
    return outcome


def prepare(config: Config) -> Ground:
    """Loads the data onto the device, and builds the rules.

    Raises:
      UserError: config or data do not allow a run.
    """
    data = load_data(config.data)
    all_processes().agree(config, data)
    schedule = make_schedule(config.train, len(data.pixels))
    check_horizon(config, schedule)
    devices = _devices()
    mesh = make_mesh(config, devices)
    gan = build_gan(config, data.pixels.shape[1:], data.classes)
    gan = dataclasses.replace(gan, mesh=mesh) if mesh else gan
    used = list(mesh.devices.flat) if mesh else devices[:1]
    check_precision(config, used)
    environment = records.describe_environment(used, _describe(data))
    environment["processes"] = all_processes().count
    examples = (data.pixels, data.labels if gan.classes else None)
    pixels, labels = examples if config.data.stream else on_all(mesh, jax.device_put(examples))
    monitor = None
    if config.evaluate.every and all_processes().first:
        own = pixels if config.data.stream else own_copy(mesh, pixels)
        monitor = Monitor(config, gan, data, own)
    _warn(config, schedule, data.pixels.shape[1:])
    return Ground(config, data, schedule, gan, pixels, labels, monitor, environment)


def _warn(config: Config, schedule: Schedule, image_shape: tuple[int, ...]) -> None:
    """Of what is allowed and likely not meant, here or on this device."""
    backend = jax.default_backend()
    here = (missing(config.deterministic, backend), slow(config, backend))
    meant = (*doubts(config, image_shape), long_average(config, schedule))
    for words in filter(None, (*meant, *here)):
        logger.warning(words)


def train_together(
    ground: Ground, members: Mapping[Path, Config], caught: list[int], named: bool = False
) -> list[Outcome]:
    """Trains a run for each directory, all at the same step, their configs apart in seeds alone.

    The device works through the next chunk while the host writes down the one before. A signal
    in `caught` ends it at the end of a chunk, saved. One run alone is `train_epoch`, several are
    `train_epochs`.
    """
    config, schedule, mesh = ground.config, ground.schedule, ground.gan.mesh
    processes, signal = all_processes(), 0
    fresh = [initial_state(ground, member.seed) for member in members.values()]
    real = ground.data.pixels[: plots.samples_shown(ground.data.pixels.shape[1:])]
    seeds = [member.seed for member in members.values()]
    examples = feed(config, schedule, mesh, ground.pixels, ground.labels, seeds)
    run_block = functools.partial(_run_block, ground)
    rest = (schedule, ground.environment, real, ground.monitor, named)
    with open_together(processes, members, fresh, *rest) as runs, examples as blocks_of:
        first_step = step = int(runs.states[0].step)
        state = together(mesh, runs.states)
        for chunk in chunks(schedule, step, config.train.epochs):
            state, history = in_turn(run_block, state, blocks_of(chunk))
            step += chunk.stop - chunk.start
            own, histories = (each(x, len(members)) for x in own_copy(mesh, (state, history)))
            drawn = _due(config.save.samples_every, config, chunk)
            grids = [_grid(ground, s) for s in own] if drawn else [None] * len(members)
            runs.take(chunk, step, histories, grids)
            if _due(config.evaluate.every, config, chunk):
                runs.evaluate(own)
            if due := _due(config.save.every, config, chunk):
                runs.save(own)
            signal, going = processes.stopping(caught, bool(runs.going))
            if signal and not due:
                runs.save(own)
            if signal or not going:
                break
        runs.finish()
    total = config.train.epochs * schedule.epoch
    if not processes.first:
        return [Outcome(first_step, step, total, signal, None, "") for _ in members]
    return [
        Outcome(first_step, step, total, signal, standing(workdir), runs.diverged.get(place, ""))
        for place, workdir in enumerate(members)
    ]


def initial_state(ground: Ground, seed: int) -> TrainState:
    """The state of a seed before its first step.

    Raises:
      UserError: the device has no room for it.
    """
    image_shape = ground.data.pixels.shape[1:]
    try:  # an allocation that fails is only seen when waited for
        return jax.block_until_ready(init_state(ground.gan, image_shape, jax.random.key(seed)))
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"config.network: there is no room for it ({reason})") from None


def _run_block(ground: Ground, state: TrainState, block: Block) -> tuple[TrainState, Metrics]:
    """The block on the device, which has all that it takes."""
    epoch = train_epochs if state.step.ndim else train_epoch
    with jax.transfer_guard("disallow"):
        return epoch(ground.gan, state, *block)


def _grid(ground: Ground, state: TrainState) -> jax.Array:
    count = plots.samples_shown(ground.data.pixels.shape[1:])
    key = stream_key(state.key, Stream.SAMPLE, 0)
    return sample_pixels(ground.gan, *sampling_variables(ground.gan, state), count, key)


def _due(every: int, config: Config, chunk: Chunk) -> bool:
    """Whether a chunk ends the last epoch, or one of those that come `every` so many; 0: never."""
    epoch = chunk.epoch + 1
    last = epoch == config.train.epochs
    return every > 0 and chunk.ends_epoch and (last or epoch % every == 0)


def _devices() -> list[jax.Device]:
    try:
        return jax.devices()
    except (RuntimeError, AssertionError) as error:  # JAX_PLATFORMS names one that is not there
        asked = os.environ.get("JAX_PLATFORMS", "")
        raise UserError(f"JAX finds no device (JAX_PLATFORMS={asked!r}): {error}") from None


def _describe(data: Dataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "source": data.source,
        "examples": len(data.pixels),
        "shape": list(data.pixels.shape[1:]),
        "classes": data.classes,
        "sha256": data.sha256,
    }
