"""Rolls a run directory back to its newest valid checkpoint, from which the run goes on."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgan.config.schema import Config
from jaxgan.gan.state import TrainState
from jaxgan.parallel.process_group import check_agreement, from_primary, is_primary, same_error
from jaxgan.runs import checkpoints, layout, ledger, row_files
from jaxgan.runs.redraws import record_redraw
from jaxgan.runs.start_from import has_begun, read_start
from jaxgan.types import root_key

logger = logging.getLogger(__name__)


class ResumedRun(NamedTuple):
    """The state, the rows and the count of skipped steps from which a run resumes."""

    state: TrainState
    rows: list[dict[str, Any]]
    consecutive_skipped: int


def resume(workdir: Path, config: Config, fresh: TrainState) -> ResumedRun:
    """Rolls the run directory back in process 0; all processes resume from the same checkpoint.

    Args:
      fresh: the state before the first step, with which a run without a checkpoint begins.

    Raises:
      UserError: no checkpoint is valid, or the processes have states of different bits.
    """
    folder = workdir / layout.CHECKPOINTS
    with same_error():
        if is_primary():
            resumed = roll_back_to_checkpoint(workdir, fresh)
            record_redraw(workdir, int(resumed.state.step), config.train.redraw)
            checkpoints.prepare_folder(folder, config.save.keep)
        else:
            # Rows are read where they are written, in process 0.
            resumed = ResumedRun(read_start(workdir, fresh) or fresh, [], 0)
    step, skipped = from_primary([int(resumed.state.step), resumed.consecutive_skipped])
    # The step is chosen by process 0, so that all go on from the same one.
    if step and not is_primary():
        resumed = ResumedRun(checkpoints.restore(folder, fresh, step), [], skipped)
    # A fresh state has it already. One that was saved may be from before a redraw.
    if resumed.state is not fresh:
        key = root_key(config.seed, config.train.redraw)
        resumed = resumed._replace(state=resumed.state.replace(key=key))
    _check_same_state(resumed.state)
    if config.start_from and from_primary(not has_begun(workdir)):
        _keep_start(workdir, resumed.state)
    return resumed


def roll_back_to_checkpoint(workdir: Path, fresh: TrainState) -> ResumedRun:
    """Restores the newest valid checkpoint, and removes all that a run wrote after its step.

    Rows and ledger lines of later steps are deleted; later checkpoints, which are damaged, are
    renamed.

    Raises:
      UserError: there are checkpoints, and every one is damaged.
    """
    folder = workdir / layout.CHECKPOINTS
    state = checkpoints.restore_newest(folder, fresh) or read_start(workdir, fresh) or fresh
    step = int(state.step)
    checkpoints.set_aside_after(folder, step)
    lines = ledger.drop_after(workdir, step)
    _warn_of_gap(workdir / layout.LEDGER, range(1, step + 1), lines)
    kept, digests = checkpoints.steps(folder), ledger.read_leaves(workdir)
    _warn_of_gap(workdir / layout.LEAVES, kept, digests)
    rows = row_files.drop_rows_after(workdir, step)
    row_files.drop_rows_after(workdir, step, layout.HISTOGRAMS)
    # From the checkpoint, because rows may be gone and the run must diverge at the same step.
    saved = checkpoints.read_record(folder, step) if step else checkpoints.Record()
    if (missing := saved.rows - len(rows)) > 0:
        logger.warning(
            f"{workdir / layout.METRICS}: {missing} of {saved.rows} rows up to step {step} are "
            "gone; the run goes on without them"
        )
    return ResumedRun(state, rows, saved.consecutive_skipped)


def _keep_start(workdir: Path, state: TrainState) -> None:
    """Saves the state with which a run begins, before its first step; collective."""
    folder = workdir / layout.START
    with same_error():
        if is_primary():
            checkpoints.prepare_folder(folder, keep=1)
            saved = checkpoints.Checkpoints(folder, keep=1)
            saved.save(checkpoints.flatten(state))
            saved.close()


def _warn_of_gap(path: Path, expected: Sequence[int], found: Iterable[int]) -> None:
    """Warns of the steps whose rows are missing in a file, as after a cut of it."""
    if missing := sorted(set(expected) - set(found)):
        logger.warning(
            f"{path}: {len(missing)} rows up to step {expected[-1]} are gone, the first of them "
            f"that of step {missing[0]}; the run goes on without them"
        )


def _check_same_state(state: TrainState) -> None:
    """Raises UserError unless all processes go on from the same bits."""
    if jax.process_count() > 1:
        sha256 = checkpoints.leaves_sha256(checkpoints.flatten(state))
        check_agreement({f"the SHA-256 of the state at step {int(state.step)}": sha256})
