"""A run: from a config to a trained GAN in a run directory, resumed where it was left."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgan import plots, records
from jaxgan.best import Scored, standing
from jaxgan.config import Config, UserError
from jaxgan.data import Dataset, epoch_order, load_data
from jaxgan.determinism import missing
from jaxgan.monitor import Monitor
from jaxgan.networks import ImageShape
from jaxgan.progress import warn
from jaxgan.run_directory import Finished, Run
from jaxgan.sampling import sample_pixels
from jaxgan.schedule import Chunk, check_horizon, chunks, make_schedule
from jaxgan.signals import stop_signals
from jaxgan.state import Gan, TrainState, build_gan, init_state, sampling_params
from jaxgan.steps import train_epoch
from jaxgan.types import Stream, stream_key


class Outcome(NamedTuple):
    """How a call of `train` ended.

    Attributes:
      first_step, step, total_steps: before, now and planned.
      signal: that stopped it, or 0.
      distances: at the last evaluation and at the best, or None without one.
    """

    first_step: int
    step: int
    total_steps: int
    signal: int
    distances: tuple[Scored, Scored] | None


def train(config: Config, workdir: Path) -> Outcome:
    """Trains, or goes on training, the run in `workdir`.

    The device works through the next chunk while the host writes down the one before.

    Raises:
      UserError: config, data or folder do not allow it; nothing was written then. Or no
        checkpoint is sound, or the disk is full.
      Diverged: config.train.max_skipped updates in a row were not finite.
    """
    data = load_data(config.data)
    schedule = make_schedule(config.train, len(data.pixels))
    check_horizon(config, schedule, warn)
    image_shape = data.pixels.shape[1:]
    gan, shown = build_gan(config, image_shape, data.classes), plots.samples_shown(image_shape)
    environment = records.describe_environment(_devices(), _describe(data))
    if words := missing(config.deterministic, jax.default_backend()):
        warn(words)
    state = _initial_state(gan, image_shape, config)
    pixels = jax.device_put(data.pixels)
    monitor = Monitor(config, gan, data, pixels) if config.evaluate.every else None
    with (
        records.open_run(workdir, config, environment),
        stop_signals() as caught,
        Run(config, workdir, schedule, state, data.pixels[: plots.SCATTER], monitor) as run,
    ):
        state = run.state
        labels = jax.device_put(data.labels) if gan.classes else None
        first_step = step = int(state.step)
        for chunk in chunks(schedule, step, config.train.epochs):
            order = _order(config, state, chunk, len(data.pixels))
            state, history = train_epoch(gan, state, pixels, order, labels)
            step += chunk.stop - chunk.start
            run.take(Finished(chunk, step, history, _grid(gan, state, config, chunk, shown)))
            if _due(config.evaluate.every, config, chunk):
                run.evaluate(state)
            if caught or _due(config.save.every, config, chunk):
                run.save(state)
            if caught:
                break
        run.finish()
    total = config.train.epochs * schedule.epoch
    return Outcome(first_step, step, total, caught[0] if caught else 0, standing(workdir))


def _devices() -> list[jax.Device]:
    try:
        return jax.devices()
    except (RuntimeError, AssertionError) as error:  # JAX_PLATFORMS names one that is not there
        asked = os.environ.get("JAX_PLATFORMS", "")
        raise UserError(f"JAX finds no device (JAX_PLATFORMS={asked!r}): {error}") from None


def _initial_state(gan: Gan, image_shape: ImageShape, config: Config) -> TrainState:
    try:  # an allocation that fails is only seen when waited for
        return jax.block_until_ready(init_state(gan, image_shape, jax.random.key(config.seed)))
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"config.network: there is no room for it ({reason})") from None


def _order(config: Config, state: TrainState, chunk: Chunk, size: int) -> jax.Array:
    per_step = config.train.batch_size * config.train.d_steps
    return epoch_order(state.key, chunk.epoch, size, per_step)[chunk.start : chunk.stop]


def _grid(
    gan: Gan, state: TrainState, config: Config, chunk: Chunk, count: int
) -> jax.Array | None:
    if not _due(config.save.samples_every, config, chunk):
        return None
    key = stream_key(state.key, Stream.SAMPLE, 0)
    return sample_pixels(gan, sampling_params(state), state.gen.stats, count, key)


def _due(every: int, config: Config, chunk: Chunk) -> bool:
    """Whether a chunk ends the last epoch, or one of those that come `every` so many; 0: never."""
    epoch = chunk.epoch + 1
    last = epoch == config.train.epochs
    return every > 0 and chunk.ends_epoch and (last or epoch % every == 0)


def _describe(data: Dataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "source": data.source,
        "examples": len(data.pixels),
        "shape": list(data.pixels.shape[1:]),
        "classes": data.classes,
        "sha256": data.sha256,
    }
