"""A run: from a config to a trained GAN in a run directory, resumed where it was left."""

import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import checkpoints, plots, records
from jaxgan.config import Config, UserError
from jaxgan.data import Dataset, epoch_order, load_data
from jaxgan.networks import ImageShape
from jaxgan.progress import Progress
from jaxgan.sampling import sample_pixels
from jaxgan.schedule import Chunk, Schedule, chunks, make_schedule, row_bounds
from jaxgan.signals import stop_signals
from jaxgan.state import Gan, TrainState, build_gan, init_state, sampling_params
from jaxgan.steps import train_epoch
from jaxgan.types import Metrics, Stream, stream_key

GRID = 64  # images in a sample grid


class Diverged(RuntimeError):
    """Too many updates in a row were not finite."""


class Outcome(NamedTuple):
    """How a call of `train` ended: steps done and planned, and the signal that stopped it, or 0."""

    first_step: int
    step: int
    total_steps: int
    signal: int


class Finished(NamedTuple):
    """A chunk that the device was given: what its metrics and pictures will be."""

    chunk: Chunk
    last_step: int
    history: Metrics
    grid: jax.Array | None


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
    image_shape = data.pixels.shape[1:]
    gan = build_gan(config, image_shape)
    environment = records.describe_environment(_devices(), _describe(data))
    state = _initial_state(gan, image_shape, config)
    with records.open_run(workdir, config, environment), stop_signals() as caught:
        run = Run(config, workdir, schedule)
        state = run.resume(state)
        pixels = jax.device_put(data.pixels)
        first_step = step = int(state.step)
        pending: Finished | None = None
        for chunk in chunks(schedule, step, config.train.epochs):
            order = _order(config, state, chunk, len(data.pixels))
            state, history = train_epoch(gan, state, pixels, order)
            step += chunk.stop - chunk.start
            done = Finished(chunk, step, history, _grid(gan, state, config, chunk))
            if pending:
                run.record(pending)
            pending = done
            if caught or _save_due(config, chunk):
                run.record(pending)
                run.save(state)
                pending = None
            if caught:
                break
        run.close()
    return Outcome(first_step, step, config.train.epochs * schedule.epoch, *caught[:1] or (0,))


class Run:
    """The run directory while a run trains: every effect of training is one of these methods."""

    def __init__(self, config: Config, workdir: Path, schedule: Schedule):
        self.config = config
        self.workdir = workdir
        self.schedule = schedule
        self.saved = checkpoints.Checkpoints(workdir / records.CHECKPOINTS, config.save.keep)
        self.rows: list[dict[str, Any]] = []
        self.skipped_in_a_row = 0
        (workdir / records.SAMPLES).mkdir(exist_ok=True)

    def resume(self, fresh: TrainState) -> TrainState:
        """The state of the newest sound checkpoint, or the fresh one; later rows are dropped."""
        state = checkpoints.restore_newest(self.saved.directory, fresh, _warn) or fresh
        step = int(state.step)
        self.saved.forget_after(step)
        self.rows = records.drop_rows_after(self.workdir, step)
        past = self.rows[-1]["seconds"] if self.rows else 0.0
        self._started = time.monotonic() - past
        total = self.config.train.epochs * self.schedule.epoch
        self.progress = Progress(step, total, self.config.train.epochs)
        return state

    def record(self, done: Finished) -> None:
        """Waits for a chunk and writes down its rows and its grid.

        Raises:
          Diverged: too many updates in a row were skipped.
        """
        history = {name: np.asarray(values) for name, values in done.history.items()}
        seconds = round(time.monotonic() - self._started, 3)
        rows = _rows(self.config, self.schedule, done, history, seconds)
        records.append_rows(self.workdir, rows)
        self.rows += rows
        if done.grid is not None:
            name = f"epoch_{done.chunk.epoch + 1:04d}.png"
            plots.save_grid(self.workdir / records.SAMPLES / name, np.asarray(done.grid))
        self.progress.update(done.chunk.epoch + 1, rows[-1], done.chunk.ends_epoch)
        self._stop_if_diverged(done, history)

    def save(self, state: TrainState) -> None:
        """Starts writing a checkpoint, and draws the curves so far."""
        self.saved.save(state)
        self._draw_curves()

    def close(self) -> None:
        """Waits for what is being written."""
        self.progress.close()
        self.saved.wait()
        self.saved.close()

    def _draw_curves(self) -> None:
        title = f"{self.config.data.name}, {self.config.loss} loss, seed {self.config.seed}"
        plots.save_curves(self.workdir / records.CURVES, self.rows, title)

    def _stop_if_diverged(self, done: Finished, history: dict[str, np.ndarray]) -> None:
        skipped = (history["disc/skipped"] > 0) | (history["gen/skipped"] > 0)
        first = done.last_step - len(skipped)
        for i, bad in enumerate(skipped, start=1):
            self.skipped_in_a_row = self.skipped_in_a_row + 1 if bad else 0
            if self.skipped_in_a_row >= self.config.train.max_skipped:
                self.close()
                self._draw_curves()
                last = max(checkpoints.steps(self.saved.directory), default="none")
                raise Diverged(
                    f"{self.skipped_in_a_row} updates in a row were not finite, up to step "
                    f"{first + i}; last checkpoint: {last}; a smaller learning rate may help"
                )


def _rows(config, schedule, done, history, seconds) -> list[dict[str, Any]]:
    """Means over each row's steps (sums of the skipped updates); not finite is null."""
    first = done.last_step - (done.chunk.stop - done.chunk.start)
    per_step = config.train.batch_size * config.train.d_steps
    rows = []
    for start, stop in row_bounds(schedule, done.chunk):
        step = first + stop
        row: dict[str, Any] = {"step": step, "epoch": round(step / schedule.epoch, 4)}
        row["images"] = step * per_step
        for name, values in sorted(history.items()):
            part = values[start:stop].astype(np.float64)
            value = float(part.sum() if name.endswith("/skipped") else part.mean())
            row[name] = value if np.isfinite(value) else None
        rows.append(row | {"seconds": seconds})
    return rows


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


def _grid(gan: Gan, state: TrainState, config: Config, chunk: Chunk) -> jax.Array | None:
    every = config.save.samples_every
    last = chunk.epoch + 1 == config.train.epochs
    if not every or not chunk.ends_epoch or not (last or (chunk.epoch + 1) % every == 0):
        return None
    key = stream_key(state.key, Stream.SAMPLE, 0)
    return sample_pixels(gan, sampling_params(state), state.gen.stats, GRID, key)


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
    print(f"warning: {text}", file=sys.stderr)
