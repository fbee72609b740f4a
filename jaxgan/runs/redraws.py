"""The record of which steps of a run used which random draws (config.train.redraw)."""

import json
import logging
from pathlib import Path
from typing import NamedTuple

from jaxgan.runs import checkpoints
from jaxgan.runs.atomic_files import write_atomically
from jaxgan.runs.layout import BEST_CHECKPOINT, REDRAWS
from jaxgan.runs.row_files import read_rows

logger = logging.getLogger(__name__)


class Redraw(NamedTuple):
    """The steps from `step` on use these draws, up to the next entry. Before the first it is 0."""

    step: int
    redraw: int


def read_redraws(workdir: Path) -> list[Redraw]:
    """Reads the entries of a run, in ascending order of their steps; most runs have none.

    Raises:
      UserError: the file is damaged.
    """
    return [Redraw(row["step"], row["redraw"]) for row in read_rows(workdir, REDRAWS)]


def redraw_of(entries: list[Redraw], step: int) -> int:
    """Returns the draws that a step uses."""
    return next((entry.redraw for entry in reversed(entries) if entry.step <= step), 0)


def record_redraw(workdir: Path, done: int, redraw: int) -> None:
    """Records that a run goes on with these draws after `done` steps.

    If other draws than recorded are used, the best checkpoint of a later step is set aside, since
    the run will not reach that state again.
    """
    before = read_redraws(workdir)
    kept = [entry for entry in before if entry.step <= done]
    if redraw_of(before, done + 1) == redraw:
        kept = [entry for entry in before if entry.step <= done + 1]
    else:
        checkpoints.set_aside_after(workdir / BEST_CHECKPOINT, done, "redrawn")
        kept.append(Redraw(done + 1, redraw))
        _warn_of_lost_steps(workdir, before, kept[-1])
    if kept != before:
        rows = [json.dumps(entry._asdict()) + "\n" for entry in kept]
        write_atomically(workdir / REDRAWS, "".join(rows))


def _warn_of_lost_steps(workdir: Path, before: list[Redraw], now: Redraw) -> None:
    """Says so if these draws began later, after a checkpoint that is damaged."""
    if before and before[-1].redraw == now.redraw:
        logger.warning(
            f"{workdir}: config.train.redraw = {now.redraw} applied from step {before[-1].step} "
            f"on, whose checkpoint is damaged; it now applies from step {now.step} on"
        )
