"""The run directory while a run trains: every effect of training is a method of `Run`."""

import contextlib
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import plots
from jaxgan.config.errors import TrainingDiverged, UserError
from jaxgan.config.schema import Config
from jaxgan.evaluation.periodic import Pairs, PeriodicEvaluator
from jaxgan.gan.state import TrainState
from jaxgan.plots import diagnostics
from jaxgan.runs import checkpoints, layout, ledger, metrics_log
from jaxgan.runs.best_checkpoint import BestCheckpoint
from jaxgan.runs.files import json_safe
from jaxgan.runs.plan import Chunk, StepPlan, row_steps
from jaxgan.training.metric_rows import CONSECUTIVE_SKIPPED, consecutive_skipped, metric_rows
from jaxgan.training.progress import Progress
from jaxgan.types import Metrics

logger = logging.getLogger(__name__)
EMPTY: Mapping[str, Any] = MappingProxyType({})


class PendingChunk(NamedTuple):
    """A chunk that the device was given: what its metrics and pictures will be."""

    chunk: Chunk
    last_step: int
    history: Metrics
    grid: jax.Array | None


class RunWriter:
    """Reads what a run left, and writes down what it does.

    Attributes:
      state: that of the newest sound checkpoint, or the fresh one.
    """

    def __init__(
        self,
        config: Config,
        workdir: Path,
        plan: StepPlan,
        fresh: TrainState,
        real: np.ndarray,
        evaluator: PeriodicEvaluator | None,
        progress: Progress | None = None,
    ):
        """`real` are some examples of the data, beside which generated points are drawn;
        `progress` is one that other runs tell too."""
        self.config = config
        self._folder = workdir.stat()
        self.real = real
        self.evaluator = evaluator
        self.workdir = workdir
        self.plan = plan
        self.state, self.rows = _resumed(workdir, fresh, plan)
        (workdir / layout.SAMPLES).mkdir(exist_ok=True)
        ended = self.rows[-1] if self.rows else {"seconds": 0.0}
        self._started = time.monotonic() - ended["seconds"]
        same = ended.get("step") == int(self.state.step)
        self._skipped_in_a_row = int(ended.get(CONSECUTIVE_SKIPPED, 0)) if same else 0
        self._pending: PendingChunk | None = None
        self._pairs: Pairs | None = None
        self._unsaved: checkpoints.Leaves | None = None
        total = config.train.epochs * plan.epoch
        self._undrawn = int(self.state.step) >= total  # whatever hindered it before
        folder = workdir / layout.CHECKPOINTS
        self.saved = checkpoints.Checkpoints(folder, config.save.keep).tidied()
        self.best: BestCheckpoint | None = None
        if evaluator:
            self.best = BestCheckpoint(
                workdir, evaluator.distance_name, self.state, evaluator.distance
            )
        self.progress = progress or Progress(int(self.state.step), total, config.train.epochs)

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Waits for what is being written; after an error only the error is heard of."""
        self.progress.close()
        with contextlib.suppress(Exception) if kind else contextlib.nullcontext():
            self.saved.close()
            if self.best:
                self.best.close()

    def take(self, done: PendingChunk) -> None:
        """Accepts a chunk that the device was given, and meanwhile writes down the one before.

        Raises:
          Diverged: too many steps in a row had an update skipped.
        """
        self._write_down()
        self._settle()
        self._pending = done

    def evaluate(self, state: TrainState) -> None:
        """Writes down the last chunk with what the state after it scores; keeps it if the best."""
        if self.evaluator is None or self.best is None:
            return
        row, self._pairs = self.evaluator.evaluate(state)
        self._write_down(row)
        self.best.update(state, row[self.evaluator.distance_name])
        self._undrawn = True

    def save(self, state: TrainState) -> None:
        """Writes down the last chunk, and copies the state after it, for a checkpoint."""
        self._write_down()
        self._unsaved = checkpoints.flatten(state)
        self._undrawn = True

    def finish(self) -> None:
        """Draws the curves of the last save, and waits until it is on the disk."""
        self._settle()
        self.saved.wait()

    def _settle(self) -> None:
        """Draws what was measured and saved last, and starts writing the checkpoint of it.

        All that a run leaves up to a step is on the disk before the checkpoint of that step,
        since a run which is resumed from there does none of it again. So a second Ctrl-C while
        it draws leaves that checkpoint out; a disk that takes no picture may yet take the state.
        """
        if not self._undrawn:
            return
        self._check_folder()
        self._undrawn = False
        try:
            self._draw()
        except OSError:
            self._start_saving()
            raise
        self._start_saving()

    def _start_saving(self) -> None:
        if self._unsaved is None:
            return
        if self.best:
            self.best.wait()
        ledger.append_leaves(self.workdir, int(self._unsaved["step"]), self._unsaved)
        self.saved.save(self._unsaved)
        self._unsaved = None

    def _write_down(self, measured: Mapping[str, Any] = EMPTY) -> None:
        """Waits for the pending chunk and writes down its rows and its grid."""
        if self._pending is None:
            return
        done, self._pending = self._pending, None
        self._check_folder()
        history = {name: np.asarray(values) for name, values in done.history.items()}
        in_a_row = consecutive_skipped(history, self._skipped_in_a_row)
        self._skipped_in_a_row = in_a_row[-1]
        seconds = round(time.monotonic() - self._started, 3)
        rows = metric_rows(self.config, self.plan, done, history, in_a_row, seconds)
        rows[-1] |= json_safe(dict(measured))
        ledger.append(self.workdir, done.last_step, history)
        metrics_log.append_rows(self.workdir, rows)
        self.rows += rows
        if done.grid is not None:
            name = f"epoch_{done.chunk.epoch + 1:04d}.png"
            path = self.workdir / layout.SAMPLES / name
            plots.save_samples(path, np.asarray(done.grid), self.real)
        self.progress.update(done.chunk.epoch + 1, rows[-1], done.chunk.ends_epoch)
        self._stop_if_diverged(done, in_a_row)

    def _draw(self) -> None:
        """The curves up to here, and what was measured last."""
        title = f"{self.config.data.name}, {self.config.loss} loss, seed {self.config.seed}"
        plots.save_curves(self.workdir / layout.CURVES, self.rows, title)
        if self.evaluator:
            diagnostics.save_diagnostics(self.workdir / layout.DIAGNOSTICS, self.rows, title)
        if self._pairs:
            diagnostics.save_pairs(self.workdir / layout.MEMORISATION, *self._pairs)
            self._pairs = None

    def _check_folder(self) -> None:
        """Refuses to write into another folder of the same name, where another run may be."""
        if not (self.workdir.exists() and os.path.samestat(self.workdir.stat(), self._folder)):
            raise UserError(
                f"--workdir {self.workdir}: was removed while its run went on; repeat the command "
                "to start it again"
            )

    def _stop_if_diverged(self, done: PendingChunk, in_a_row: list[int]) -> None:
        most = self.config.train.max_skipped
        over = [place for place, count in enumerate(in_a_row) if count >= most]
        if not over:
            return
        self._undrawn = True
        self.finish()
        step = done.last_step - len(in_a_row) + over[0] + 1
        last = max(checkpoints.steps(self.saved.directory), default="none")
        raise TrainingDiverged(
            f"{in_a_row[over[0]]} steps in a row had an update that was not finite, up to step "
            f"{step}; last checkpoint: {last}; a smaller learning rate may help"
        )


def _resumed(
    workdir: Path, fresh: TrainState, plan: StepPlan
) -> tuple[TrainState, list[dict[str, Any]]]:
    """State and rows to go on from; rows of later steps are dropped, and checkpoints set aside."""
    state = checkpoints.restore_newest(workdir / layout.CHECKPOINTS, fresh) or fresh
    step = int(state.step)
    checkpoints.set_aside_after(workdir / layout.CHECKPOINTS, step)
    ledger.drop_after(workdir, step)
    rows = metrics_log.drop_rows_after(workdir, step)
    if missing := sorted(set(row_steps(plan, step)) - {row["step"] for row in rows}):
        logger.warning(
            f"{workdir / layout.METRICS}: {len(missing)} rows up to step {step} are gone, the "
            f"first of them that of step {missing[0]}; the run goes on without them"
        )
    return state, rows
