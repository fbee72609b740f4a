"""Writes the checkpoints of one folder, in the background while training goes on."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import orbax.checkpoint as ocp

from jaxgan.config.errors import UserError
from jaxgan.runs.checkpoints.leaves import Leaves, leaves_sha256
from jaxgan.runs.checkpoints.quiet import OrbaxError, call_quietly

Score = dict[str, float]  # by the name of the metric


class Record(NamedTuple):
    """Counts that a resumed run needs besides the state.

    Attributes:
      consecutive_skipped: how many steps up to this one had an update skipped in a row.
      rows: how many rows of metrics the run had written.
    """

    consecutive_skipped: int = 0
    rows: int = 0


class Checkpoints:
    """The newest `keep` checkpoints of one folder, open for writing.

    Every process of a run calls the same methods in the same order: Orbax lets process 0 write
    and has the others wait for it.
    """

    def __init__(self, directory: Path, keep: int) -> None:
        self.directory = directory
        self._keep = keep

    def save(
        self, leaves: Leaves, score: Score | None = None, record: Record | None = None
    ) -> None:
        """Starts to write a `flatten`ed state, and returns while it is written.

        Args:
          leaves: the state's arrays on the host, the same in every process.
          score: what the state scored.
          record: what a resumed run needs besides the state.

        Raises:
          UserError: this checkpoint or the one before it could not be written.
        """
        content: dict[str, Any] = {"sha256": leaves_sha256(leaves), "score": score or {}}
        content |= (record or Record())._asdict()
        state = ocp.args.StandardSave(leaves)
        args = ocp.args.Composite(state=state, record=ocp.args.JsonSave(content))
        # The caller chooses the steps: without `force`, Orbax skips one that is not the newest.
        self._do(lambda: self._manager.save(int(leaves["step"]), args=args, force=True))

    def wait(self) -> None:
        """Returns when every checkpoint is on the disk."""
        if self._is_open:
            self._do(self._manager.wait_until_finished)

    def close(self) -> None:
        if self._is_open:
            self._do(self._manager.close)

    def delete(self, step: int) -> None:
        """Removes a checkpoint, so that one of the same step can be saved."""
        self._do(lambda: self._manager.delete(step))

    @property
    def _is_open(self) -> bool:
        return "_manager" in vars(self)

    @functools.cached_property
    def _manager(self) -> ocp.CheckpointManager:
        # Opened by the first save, since the processes wait for each other when they open it.
        options = ocp.CheckpointManagerOptions(
            max_to_keep=self._keep,
            # `prepare_folder` has created it.
            create=False,
            multiprocessing_options=ocp.options.MultiprocessingOptions(
                primary_host=0,
                active_processes=set(range(jax.process_count())),
                # Checkpoints and the best one are written at the same time: the waiting processes
                # must not take a barrier of one folder for that of the other.
                barrier_sync_key_prefix=self.directory.name,
            ),
        )
        return ocp.CheckpointManager(self.directory.absolute(), options=options)

    def _do(self, action: Callable[[], Any]) -> None:
        try:
            call_quietly(action)
        except OrbaxError as error:
            reason = str(error)
            # The error is found by its text, since its class is lost on the way through Orbax.
            if "No space left on device" in reason:
                reason = "No space left on device; free some, then repeat the command to go on"
            raise UserError(f"{self.directory}: no checkpoint could be saved: {reason}") from None
