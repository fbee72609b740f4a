"""The runs of several processes: open in the first of them, and followed by the others."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxgan.config import Config
from jaxgan.lockstep import Runs, open_runs
from jaxgan.processes import Processes
from jaxgan.state import TrainState


class Following(Runs):
    """What a process other than the first does beside the steps themselves: nothing."""

    def __init__(self, states: Sequence[TrainState]):
        super().__init__([])
        self.states = list(states)

    def _each(self, action: Any, things: Any) -> None:
        """Leaves it to the first process."""


@contextlib.contextmanager
def open_together(
    processes: Processes, members: Mapping[Path, Config], fresh: Sequence[TrainState], *rest: Any
) -> Iterator[Runs]:
    """`open_runs` by the first process; all go on from the states that it found. Of `fresh` what is
    not among these is freed.

    Raises:
      UserError: as `open_runs`, in the first process.
      OtherFailed: in the others, then.
    """
    with contextlib.ExitStack() as stack:
        runs: Runs = Following(fresh)
        if processes.first:
            runs = stack.enter_context(open_runs(members, fresh, *rest))
        processes.meet()  # so that none waits below for one that could not open its run
        runs.states = [processes.of_first(state) for state in runs.states]
        for old, new in zip(fresh, runs.states, strict=True):
            if old is not new:  # a device has room for one of them
                jax.tree.map(lambda leaf: leaf.delete(), old)
        yield runs
