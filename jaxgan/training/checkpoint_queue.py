"""The checkpoints of a run while it trains, and the state that waits to be saved."""

from pathlib import Path

from jaxgan.gan.state import TrainState
from jaxgan.parallel.process_group import is_primary
from jaxgan.runs import checkpoints, layout, ledger
from jaxgan.runs.best_checkpoint import BestCheckpoint


class CheckpointQueue:
    """Holds at most one state that waits to be saved.

    Only process 0 of a run saves; in the others the methods do nothing.

    Attributes:
      best: the best checkpoint; None in a run that is not evaluated.
    """

    def __init__(self, workdir: Path, keep: int, best: BestCheckpoint | None):
        self.best = best
        self._workdir = workdir
        self._saved = checkpoints.Checkpoints(workdir / layout.CHECKPOINTS, keep)
        self._waiting: tuple[checkpoints.Leaves, checkpoints.Record] | None = None

    @property
    def last_step(self) -> int | None:
        """The step of the newest checkpoint on the disk, or None."""
        return max(checkpoints.steps(self._saved.directory), default=None)

    @property
    def waiting(self) -> checkpoints.Leaves | None:
        """The arrays of the state that waits to be saved, if there is one."""
        return self._waiting[0] if self._waiting else None

    def put(self, state: TrainState, consecutive_skipped: int, rows: int) -> None:
        """Copies the state to the host, to be saved at the next `start_saving`."""
        if not is_primary():
            return
        # To the host now, since the next chunk is given the buffers of this state.
        self._waiting = checkpoints.flatten(state), checkpoints.Record(consecutive_skipped, rows)

    def start_saving(self) -> None:
        """Starts to write the waiting state, if there is one."""
        if self._waiting is None:
            return
        leaves, record = self._waiting
        # A run that resumes from this step does not evaluate it again: its best state comes first.
        if self.best:
            self.best.wait()
        # Before the checkpoint too: a resumed run does not write this record again.
        ledger.append_leaves(self._workdir, int(leaves["step"]), leaves)
        self._saved.save(leaves, record=record)
        self._waiting = None

    def wait(self) -> None:
        """Returns when the newest checkpoint is on the disk."""
        self._saved.wait()

    def close(self) -> None:
        self._saved.close()
        if self.best:
            self.best.close()
