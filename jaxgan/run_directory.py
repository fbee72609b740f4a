"""The run directory while a run trains: every effect of training is a method of `Run`."""

import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import checkpoints, plots, records
from jaxgan.config import Config
from jaxgan.progress import Progress
from jaxgan.schedule import Chunk, Schedule, row_bounds
from jaxgan.state import TrainState
from jaxgan.types import Metrics


class Diverged(RuntimeError):
    """Too many updates in a row were not finite."""


class Finished(NamedTuple):
    """A chunk that the device was given: what its metrics and pictures will be."""

    chunk: Chunk
    last_step: int
    history: Metrics
    grid: jax.Array | None


class Run:
    """Reads what a run left, and writes down what it does."""

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


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
