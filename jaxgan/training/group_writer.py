"""Writes the run directories of several runs that one program trains, all at the same step."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.gan.state import TrainState
from jaxgan.parallel.run_axis import stack_runs, unstack_runs
from jaxgan.runs import checkpoints, layout
from jaxgan.runs.plan import Chunk
from jaxgan.training.chunk_output import ChunkOutput, HostOutput
from jaxgan.training.memory import Memory
from jaxgan.training.progress import SharedProgress
from jaxgan.training.run_writer import RunWriter, hold_run_directory, open_run_writer
from jaxgan.training.setup import TrainingSetup, first_state

logger = logging.getLogger(__name__)


class GroupWriter:
    """Does what a `RunWriter` does, for each of several runs; states and metrics are stacked.

    A run that diverges leaves the others going.
    """

    def __init__(self, writers: Mapping[int, RunWriter], progress: SharedProgress):
        """Groups the writers of runs, by the seed of each."""
        self.writers = writers
        self._progress = progress

    @property
    def active(self) -> bool:
        """True until every run has diverged."""
        return any(writer.active for writer in self.writers.values())

    def record_memory(self, memory: Memory) -> None:
        for writer in self.writers.values():
            writer.record_memory(memory)

    def show(self, interval: int, step: int, output: HostOutput) -> None:
        """Shows the losses of the steps up to `step`, which end no chunk; it writes nothing."""
        self._progress.show_steps(interval, step, output.metrics)

    def write_pending(self) -> None:
        self._each(RunWriter.write_pending)

    def add(
        self, chunk: Chunk, last_step: int, output: ChunkOutput, state: TrainState | None = None
    ) -> None:
        self._each(lambda writer, *own: writer.add(chunk, last_step, *own), output, state)

    def evaluate(self, state: TrainState) -> None:
        self._each(RunWriter.evaluate, state)

    def save(self, state: TrainState) -> None:
        """Saves each run, once the save before is on the disk for all.

        A kill then leaves them at most one save apart, so that they have a checkpoint of one step
        in common if two are kept.
        """
        for writer in self.writers.values():
            writer.wait()
        self._each(RunWriter.save, state)

    def finish(self) -> None:
        for writer in self.writers.values():
            writer.finish()

    def _each(self, action: Callable[..., None], *stacked: Any) -> None:
        """Calls the action for each run that has not diverged, with its part of what is stacked."""
        parts = (unstack_runs(tree, len(self.writers)) for tree in stacked)
        for (seed, writer), *own in zip(self.writers.items(), *parts, strict=True):
            if not writer.active:
                continue
            action(writer, *own)
            # The others train on, perhaps for hours; the user hears of this one now.
            if not writer.active:
                logger.info(f"seed {seed} has diverged: {writer.diverged}")
        self._progress.show()


@contextlib.contextmanager
def open_group_writer(
    setup: TrainingSetup, configs: Mapping[Path, Config]
) -> Iterator[tuple[GroupWriter, TrainState]]:
    """Holds the directory of each run, resumed from the newest valid checkpoint that all have.

    Yields:
      The group, and the stacked states from which the runs go on.

    Raises:
      UserError: as `directory.open_run`, or the runs have no valid checkpoint in common.
    """
    firsts = [first_state(setup, workdir, config) for workdir, config in configs.items()]
    fresh = [first.state for first in firsts]
    with contextlib.ExitStack() as stack:
        for (workdir, config), first in zip(configs.items(), firsts, strict=True):
            # All are locked before a checkpoint of any is renamed.
            stack.enter_context(hold_run_directory(setup, workdir, config, first.record))
        step = _set_aside_unshared(configs, fresh[0])
        seeds = [config.seed for config in configs.values()]
        progress = SharedProgress(step, setup.config.train, setup.plan.total, seeds)
        # If no writer can be opened, none closes it, and the error would be in the line of the bar.
        stack.callback(progress.close)
        opened = [
            stack.enter_context(open_run_writer(setup, workdir, config, state, progress=progress))
            for (workdir, config), state in zip(configs.items(), fresh, strict=True)
        ]
        del fresh, firsts
        writers = {seed: writer for seed, (writer, _) in zip(seeds, opened, strict=True)}
        state = stack_runs(setup.gan.mesh, [state for _, state in opened])
        # `stack_runs` has freed the buffers of these states, so nothing may use them from here.
        del opened
        yield GroupWriter(writers, progress), state


def _set_aside_unshared(configs: Mapping[Path, Config], template: TrainState) -> int:
    """Renames the checkpoints after the newest step of which all runs have a valid one.

    Returns:
      That step; 0 if no run has a checkpoint.
    """
    folders = [workdir / layout.CHECKPOINTS for workdir in configs]
    known = [set(checkpoints.steps(folder)) for folder in folders]
    common = sorted(set.intersection(*known), reverse=True)

    def is_valid(folder: Path, step: int) -> bool:
        return checkpoints.restore_newest_valid(folder, template, [step]) is not None

    step = next((step for step in common if all(is_valid(f, step) for f in folders)), 0)
    # To go on from step 0 would set aside all that these runs have.
    if not step and any(known):
        raise UserError(
            f"{folders[0].parent.parent}: {', '.join(f.parent.name for f in folders)} have no "
            "valid checkpoint of one step in common; choose another --workdir"
        )
    for folder in folders:
        checkpoints.set_aside_after(folder, step, "ahead")
    return step
