"""A run: from a config to a trained GAN in a run directory, resumed where it was left."""

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgan import plots, records
from jaxgan.config import Config, UserError
from jaxgan.data import Dataset, epoch_order, load_data
from jaxgan.networks import ImageShape
from jaxgan.run_directory import Finished, Run
from jaxgan.sampling import sample_pixels
from jaxgan.schedule import Chunk, check_horizon, chunks, make_schedule
from jaxgan.signals import stop_signals
from jaxgan.state import Gan, TrainState, build_gan, init_state, sampling_params
from jaxgan.steps import train_epoch
from jaxgan.types import Stream, stream_key


class Outcome(NamedTuple):
    """How a call of `train` ended: steps done and planned, and the signal that stopped it, or 0."""

    first_step: int
    step: int
    total_steps: int
    signal: int


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
    check_horizon(config, schedule, _warn)
    image_shape = data.pixels.shape[1:]
    gan, shown = build_gan(config, image_shape, data.classes), plots.samples_shown(image_shape)
    environment = records.describe_environment(_devices(), _describe(data))
    state = _initial_state(gan, image_shape, config)
    with (
        records.open_run(workdir, config, environment),
        stop_signals() as caught,
        Run(config, workdir, schedule, state, data.pixels[: plots.SCATTER]) as run,
    ):
        state = run.state
        pixels = jax.device_put(data.pixels)
        labels = jax.device_put(data.labels) if gan.classes else None
        first_step = step = int(state.step)
        for chunk in chunks(schedule, step, config.train.epochs):
            order = _order(config, state, chunk, len(data.pixels))
            state, history = train_epoch(gan, state, pixels, order, labels)
            step += chunk.stop - chunk.start
            run.take(Finished(chunk, step, history, _grid(gan, state, config, chunk, shown)))
            if caught or _save_due(config, chunk):
                run.save(state)
            if caught:
                break
        run.finish()
    return Outcome(first_step, step, config.train.epochs * schedule.epoch, *caught[:1] or (0,))


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
    every = config.save.samples_every
    last = chunk.epoch + 1 == config.train.epochs
    if not every or not chunk.ends_epoch or not (last or (chunk.epoch + 1) % every == 0):
        return None
    key = stream_key(state.key, Stream.SAMPLE, 0)
    return sample_pixels(gan, sampling_params(state), state.gen.stats, count, key)


def _save_due(config: Config, chunk: Chunk) -> bool:
    epoch = chunk.epoch + 1
    last = epoch == config.train.epochs
    return chunk.ends_epoch and (last or epoch % config.save.every == 0)


def _describe(data: Dataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "source": data.source,
        "examples": len(data.pixels),
        "shape": list(data.pixels.shape[1:]),
        "classes": data.classes,
        "sha256": data.sha256,
    }


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)
