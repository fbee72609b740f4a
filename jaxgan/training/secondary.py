"""The runs of several processes: open in the first of them, and followed by the others."""

import contextlib
import functools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.gan.state import TrainState
from jaxgan.parallel.process_group import ProcessGroup
from jaxgan.runs import checkpoints, layout
from jaxgan.training.run_group import RunGroup, open_run_group

logger = logging.getLogger(__name__)


class Following(RunGroup):
    """What a process other than the first does beside the steps themselves: it writes its part of
    the checkpoints that the first orders, if that orders any."""

    def __init__(self, workdir: Path, states: Sequence[TrainState]):
        super().__init__([])
        self.states = list(states)
        self._workdir = workdir
        self._saved: dict[str, checkpoints.Checkpoints] = {}  # by folder
        self._leaves: dict[int, checkpoints.Leaves] = {}  # by step
        self._writers = 1

    def __enter__(self) -> "Following":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Waits for what is being written; after an error says why that failed, if it did."""
        for saved in self._saved.values():
            try:
                saved.wait()
                saved.close()
            except UserError as error:
                if not kind:
                    raise
                logger.warning(str(error))

    def share(self, writers: int, announce: checkpoints.Announce) -> None:
        del announce
        self._writers = writers

    def obey(self, folder: str, keep: int, what: str, step: int) -> None:
        """Does what the first process does with a checkpoint, at the same time."""
        if folder not in self._saved:
            self._saved[folder] = checkpoints.Checkpoints(self._workdir / folder, keep)
            self._saved[folder].share(self._writers)
        saved = self._saved[folder]
        {"save": lambda: saved.save(self._leaves[step]), "forget": lambda: saved.forget(step)}[
            what
        ]()

    def evaluate(self, states: Iterable[TrainState]) -> None:
        self.save(states)  # if it is the best

    def save(self, states: Iterable[TrainState]) -> None:
        """Copies the state; the first may order that of the save before while it is at the next."""
        if self._writers > 1:
            (state,) = states  # several processes train one run at a time
            self._leaves[int(state.step)] = checkpoints.flatten(state)
            self._leaves = dict(sorted(self._leaves.items())[-2:])

    def _each(self, action: Any, things: Any) -> None:
        """Leaves it to the first process."""


@contextlib.contextmanager
def open_together(
    processes: ProcessGroup, members: Mapping[Path, Config], fresh: Sequence[TrainState], *rest: Any
) -> Iterator[RunGroup]:
    """`open_runs` by the first process; all go on from the states that it found. Of `fresh` what is
    not among these is freed. Where all see the directory, all write the checkpoints.

    Raises:
      UserError: as `open_runs`, in the first process.
      OtherFailed: in the others, then.
    """
    workdir = next(iter(members))
    with contextlib.ExitStack() as stack:
        following = Following(workdir, fresh)
        opening = open_run_group(members, fresh, *rest) if processes.first else following
        runs: RunGroup = stack.enter_context(opening)
        processes.meet()  # so that none waits below for one that could not open its run
        runs.states = [processes.of_first(state) for state in runs.states]
        for old, new in zip(fresh, runs.states, strict=True):
            if old is not new:  # a device has room for one of them
                jax.tree.map(lambda leaf: leaf.delete(), old)
        if processes.count > 1 and _all_see(workdir, processes):
            runs.share(processes.count, functools.partial(_announce, processes))
        stack.enter_context(processes.obeying(following.obey))
        yield runs
        processes.meet()  # at which the others still obey


def _announce(processes: ProcessGroup, directory: Path, keep: int, what: str, step: int) -> None:
    processes.order(folder=directory.name, keep=keep, what=what, step=step)


def _all_see(workdir: Path, processes: ProcessGroup) -> bool:
    """Whether all have the folder before them that the first has just written into."""
    first, *others = [said["seen"] for said in processes.meet(seen=_written_at(workdir))]
    return all(other == first for other in others)


def _written_at(workdir: Path) -> int:
    """When the run's config was written, in nanoseconds; 0 where this process cannot write to its
    folders of checkpoints."""
    config = workdir / layout.CONFIG
    folders = [workdir / name for name in (layout.CHECKPOINTS, layout.BEST_CHECKPOINT)]
    writable = all(os.access(folder, os.W_OK) for folder in folders if folder.exists())
    return config.stat().st_mtime_ns if writable and config.exists() else 0
