"""Runs at the same step, a directory each: what a `Run` does, done by every one of them.

A single run is the usual case. Of several, one that diverges leaves the others going.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.config.errors import TrainingDiverged, UserError
from jaxgan.config.schema import Config
from jaxgan.evaluation.periodic import PeriodicEvaluator
from jaxgan.gan.state import TrainState
from jaxgan.runs import checkpoints, directory, layout
from jaxgan.runs.plan import Chunk, StepPlan
from jaxgan.training.progress import Progress, SharedProgress
from jaxgan.training.run_writer import PendingChunk, RunWriter
from jaxgan.types import Metrics

logger = logging.getLogger(__name__)


class RunGroup:
    """Several runs, open for writing.

    Attributes:
      states: what each goes on from, all of the same step.
      diverged: why, by place among the runs; those take no part any more.
    """

    def __init__(self, runs: Sequence[RunWriter], progress: SharedProgress | None = None):
        self.runs = runs
        self.states = [run.state for run in runs]
        self.diverged: dict[int, str] = {}
        self._progress = progress

    @property
    def going(self) -> list[RunWriter]:
        return [run for place, run in enumerate(self.runs) if place not in self.diverged]

    def share(self, writers: int, announce: checkpoints.Announce) -> None:
        """`Checkpoints.share` of all that the runs write."""
        for run in self.runs:
            run.saved.share(writers, announce)
            if run.best:
                run.best.share(writers, announce)

    def take(
        self,
        chunk: Chunk,
        step: int,
        histories: Iterable[Metrics],
        grids: Iterable[jax.Array | None],
    ) -> None:
        """`Run.take` of what the device was given for each run; `step` is that after the chunk."""
        done = [PendingChunk(chunk, step, *pair) for pair in zip(histories, grids, strict=True)]
        self._each(RunWriter.take, done)

    def evaluate(self, states: Iterable[TrainState]) -> None:
        """`Run.evaluate` of each."""
        self._each(RunWriter.evaluate, states)

    def save(self, states: Iterable[TrainState]) -> None:
        """`Run.save` of each, once the save before is on the disk for all.

        So a kill leaves them at most one save apart, and with one in common where two are kept.
        """
        if len(self.runs) > 1:
            for run in self.going:
                run.saved.wait()
        self._each(RunWriter.save, states)

    def finish(self) -> None:
        """`Run.finish` of each that has not diverged."""
        for run in self.going:
            run.finish()

    def _each(self, action: Callable[[RunWriter, Any], None], things: Iterable[Any]) -> None:
        for place, (run, thing) in enumerate(zip(self.runs, things, strict=True)):
            if place in self.diverged:
                continue
            try:
                action(run, thing)
            except TrainingDiverged as error:
                self.diverged[place] = str(error)
                if len(self.runs) > 1:
                    logger.info(f"seed {run.config.seed} has diverged: {error}")
        if self._progress:
            self._progress.show()


@contextlib.contextmanager
def open_run_group(
    members: Mapping[Path, Config],
    fresh: Sequence[TrainState],
    plan: StepPlan,
    environment: dict[str, Any],
    real: np.ndarray,
    evaluator: PeriodicEvaluator | None,
    named: bool,
) -> Iterator[RunGroup]:
    """Holds the directory of each run, resumed from the newest sound checkpoint that all have.

    `fresh` is the state of each before its first step. Progress is shown of all as of one;
    their seeds are `named` where a single one belongs to others that are not among them.

    Raises:
      UserError: as `records.open_run`, or no checkpoint that they have in common is sound.
    """
    with contextlib.ExitStack() as stack:
        for workdir, config in members.items():
            stack.enter_context(directory.open_run(workdir, config, environment))
        if len(members) > 1:
            _set_aside_unshared(members, fresh[0])
        progress = _progress(members, plan, named)
        runs = [
            stack.enter_context(RunWriter(config, workdir, plan, state, real, evaluator, progress))
            for (workdir, config), state in zip(members.items(), fresh, strict=True)
        ]
        yield RunGroup(runs, progress if isinstance(progress, SharedProgress) else None)


def _set_aside_unshared(members: Mapping[Path, Config], like: TrainState) -> None:
    """Sets aside what is later than the newest checkpoint that all runs have a sound one of."""
    folders = [workdir / layout.CHECKPOINTS for workdir in members]
    known = [set(checkpoints.steps(folder)) for folder in folders]
    common = sorted(set.intersection(*known), reverse=True)

    def is_valid(folder: Path, step: int) -> bool:
        return checkpoints.restore_newest_valid(folder, like, [step]) is not None

    step = next((step for step in common if all(is_valid(f, step) for f in folders)), 0)
    if not step and any(known):
        raise UserError(
            f"{folders[0].parent.parent}: {', '.join(f.parent.name for f in folders)} have no "
            "sound checkpoint of one step; choose another --workdir"
        )
    for folder in folders:
        checkpoints.set_aside_after(folder, step, "ahead")


def _progress(members: Mapping[Path, Config], plan: StepPlan, named: bool) -> Progress | None:
    """None for a run of its own, which makes its own."""
    if not named:
        return None
    workdir, config = next(iter(members.items()))
    step = max(checkpoints.steps(workdir / layout.CHECKPOINTS), default=0)
    kind = SharedProgress if len(members) > 1 else Progress
    seeds = [config.seed for config in members.values()]
    return kind(step, config.train.epochs * plan.epoch, config.train.epochs, seeds)
