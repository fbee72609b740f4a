"""Logs of a run for other programs: TensorBoard and Weights & Biases.

They are written from the files of the run, which are exact after a kill and a resume: a start that
resumes writes again what is on disk up to its step, so that no point is there twice or is missing.
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.runs import layout, row_files
from jaxgan.runs.checkpoints import Leaves
from jaxgan.runs.plan import StepPlan
from jaxgan.runs.saved_grids import saved_grids
from jaxgan.runs.seed_statistics import is_number
from jaxgan.training.histograms import histogram_row, histograms_in
from jaxgan.training.log_entry import Entry, RunLog
from jaxgan.training.tensorboard import TensorBoardLog
from jaxgan.training.wandb_log import WandbLog

Row = dict[str, Any]


class RunLogs:
    """The logs that a config asks for; the methods do nothing if there are none."""

    def __init__(
        self, workdir: Path, config: Config, plan: StepPlan, rows: list[Row], data_sha256: str
    ):
        """Opens the logs, and writes what the run has on disk.

        Args:
          rows: of metrics.jsonl, up to the step from which the run goes on.

        Raises:
          UserError: Weights & Biases refuses the run.
        """
        self._workdir, self._logs = workdir, list[RunLog]()
        seconds = rows[-1].get("seconds", 0.0) if rows else 0.0
        if config.log.tensorboard:
            self._logs.append(TensorBoardLog(workdir / layout.TENSORBOARD, seconds))
        if config.log.wandb:
            try:
                self._logs.append(WandbLog(workdir, config, data_sha256))
            except UserError:
                self.close()
                raise
        if self._logs:
            self._write(_entries_on_disk(workdir, config, plan, rows))

    def add(self, rows: list[Row], grid: Path | None) -> None:
        """Logs the newest rows; the grid is of the last one's step."""
        self._write(
            Entry(row["step"], row["seconds"], _scalars(row), {}, grid if row is rows[-1] else None)
            for row in rows
        )

    def add_weights(self, leaves: Leaves, row: Row) -> None:
        """Logs the weights of a state that is about to be saved; `row` is that of its step."""
        if self._logs:
            found = histogram_row(leaves, row)
            row_files.append_rows(self._workdir, [found], layout.HISTOGRAMS)
            self._write([_histogram_entry(found)])

    def close(self) -> None:
        for log in self._logs:
            log.close()

    def _write(self, entries: Iterable[Entry]) -> None:
        if not self._logs:
            return
        for entry in entries:
            for log in self._logs:
                log.write(entry)
        for log in self._logs:
            log.flush()


def _entries_on_disk(
    workdir: Path, config: Config, plan: StepPlan, rows: list[Row]
) -> Iterator[Entry]:
    """Yields what the files of a run have up to its newest row, in the order of the steps."""
    saved = saved_grids(workdir, config.train, plan.epoch)
    grids = {grid.step: grid.path for grid in saved}
    weights = {row["step"]: row for row in row_files.read_rows(workdir, layout.HISTOGRAMS)}
    for row in rows:
        step = row["step"]
        yield Entry(step, row.get("seconds", 0.0), _scalars(row), {}, grids.get(step))
        if step in weights:
            yield _histogram_entry(weights[step])


def _histogram_entry(row: Row) -> Entry:
    return Entry(row["step"], row["seconds"], {}, histograms_in(row), None)


def _scalars(row: Row) -> dict[str, float]:
    """Returns the numbers of a row, other than its step, under their names."""
    return {
        name: math.nan if value is None else value
        for name, value in row.items()
        if name != "step" and is_number(value)
    }
