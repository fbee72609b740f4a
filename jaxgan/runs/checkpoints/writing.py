"""Writes the checkpoints of one folder, in the background while training goes on."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orbax.checkpoint as ocp

from jaxgan.config.errors import UserError
from jaxgan.runs.checkpoints.folder import remove_surplus, remove_unfinished, steps
from jaxgan.runs.checkpoints.leaves import Leaves, leaves_sha256
from jaxgan.runs.checkpoints.quiet import OrbaxError, call_quietly, no_log_of_threads
from jaxgan.runs.retry import is_momentary, retry

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

    Only process 0 of a run may open them. All processes have the same state, and Orbax would let
    the others wait for a process that cannot write.
    """

    def __init__(self, directory: Path, keep: int) -> None:
        self.directory = directory
        self._keep = keep
        # Step and content of the newest save, held until they are on the disk.
        self._newest: tuple[int, ocp.args.Composite] | None = None
        self._hidden = contextlib.ExitStack()

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
        # An error of the save before belongs to that one, which is then repeated.
        self.wait()
        self._newest = int(leaves["step"]), args
        self._do(self._start_newest)

    def wait(self) -> None:
        """Returns when every checkpoint is on the disk."""
        if self._is_open:
            self._do(self._manager.wait_until_finished)
        self._newest = None

    def close(self) -> None:
        self.wait()
        if self._is_open:
            self._do(self._manager.close)
        # Not after an error: threads may outlive it.
        self._hidden.close()

    def delete(self, step: int) -> None:
        """Removes a checkpoint, so that one of the same step can be saved."""
        # If the removal fails, the save before must not be repeated.
        self.wait()
        self._do(lambda: self._manager.delete(step))

    @property
    def _is_open(self) -> bool:
        return "_manager" in vars(self)

    @functools.cached_property
    def _manager(self) -> ocp.CheckpointManager:
        self._hidden.enter_context(no_log_of_threads())
        options = ocp.CheckpointManagerOptions(
            max_to_keep=self._keep,
            # `prepare_folder` has created it.
            create=False,
            # Else threads of a save that fails wait five minutes for its folder: they hold up the
            # end of the process, and then log a page.
            async_options=ocp.options.AsyncOptions(create_directories_asynchronously=False),
            multiprocessing_options=ocp.options.MultiprocessingOptions(
                primary_host=0,
                active_processes={0},
                # Checkpoints and the best one are written at the same time.
                barrier_sync_key_prefix=self.directory.name,
            ),
        )
        return ocp.CheckpointManager(self.directory.absolute(), options=options)

    def _do(self, action: Callable[[], Any]) -> None:
        try:
            try:
                call_quietly(action)
            except OrbaxError as error:
                if self._newest is None or not is_momentary(error):
                    raise
                retry(self._save_again, self.directory, failed=error)
        except (OrbaxError, OSError) as error:
            reason = str(error)
            # The error is found by its text, since its class is lost on the way through Orbax.
            if "No space left on device" in reason:
                reason = "No space left on device; free some, then repeat the command to go on"
            raise UserError(f"{self.directory}: no checkpoint could be saved: {reason}") from None

    def _start_newest(self) -> None:
        assert self._newest is not None
        step, args = self._newest
        # The caller chooses the steps: without `force`, Orbax skips one that is not the newest.
        self._manager.save(step, args=args, force=True)

    def _save_again(self) -> None:
        """Repeats the newest save with a new manager: the one before counts the step as saved."""
        assert self._newest is not None
        step, _ = self._newest
        if manager := vars(self).pop("_manager", None):
            with contextlib.suppress(OrbaxError):
                call_quietly(manager.close)
        self.directory.stat()  # an error while it is away, where Orbax would name another reason
        remove_unfinished(self.directory)
        # Only the removal of older ones has failed, which follows a finished save.
        if step in steps(self.directory):
            remove_surplus(self.directory, self._keep, newest=step)
            return
        call_quietly(self._start_newest)
        call_quietly(self._manager.wait_until_finished)
