"""Turns the metrics of a chunk into rows of metrics.jsonl and lines of the ledger."""

import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.schema import Config
from jaxgan.parallel.process_group import is_primary
from jaxgan.runs import ledger, row_files
from jaxgan.runs.atomic_files import json_safe
from jaxgan.runs.plan import Chunk, StepPlan, images_per_step, row_bounds
from jaxgan.training.curve_rows import CurveRows

CONSECUTIVE_SKIPPED = "skipped_in_a_row"  # column: the count up to the last step of the row
History = Mapping[str, np.ndarray]  # of one value per step, by the name of the metric


class MetricsWriter:
    """Appends rows and ledger lines to the files of a run; process 0 alone writes them.

    Attributes:
      rows: those of the run's rows that its pictures show.
      consecutive_skipped: steps in a row, up to the last written one, that had an update skipped.
      newest: the rows of the last chunk that was written.
    """

    def __init__(
        self,
        workdir: Path,
        config: Config,
        plan: StepPlan,
        rows: list[dict[str, Any]],
        consecutive_skipped: int,
    ):
        self.rows = CurveRows(rows)
        self.newest: list[dict[str, Any]] = []
        self.consecutive_skipped = consecutive_skipped
        self._workdir, self._config, self._plan = workdir, config, plan
        # A resumed run counts on from the time of its earlier starts.
        self._started = time.monotonic() - (rows[-1].get("seconds", 0.0) if rows else 0.0)

    def write(
        self,
        chunk: Chunk,
        last_step: int,
        history: History,
        checksums: History,
        evaluation: Mapping[str, Any],
    ) -> list[int]:
        """Writes down a chunk; its last row gets what samples and scores of the state show.

        Returns:
          After each step of the chunk, how many in a row had an update skipped.
        """
        counts = consecutive_skipped(history, self.consecutive_skipped)
        self.consecutive_skipped = counts[-1]
        seconds = round(time.monotonic() - self._started, 3)
        rows = metric_rows(self._config, self._plan, chunk, last_step, history)
        for row, (_, stop) in zip(rows, row_bounds(self._plan, chunk), strict=True):
            row |= {CONSECUTIVE_SKIPPED: counts[stop - 1], "seconds": seconds}
        rows[-1] |= json_safe(dict(evaluation))
        self.rows.add(rows)
        self.newest = rows
        if is_primary():
            ledger.append(self._workdir, last_step, checksums)
            row_files.append_rows(self._workdir, rows)
        return counts


def consecutive_skipped(history: History, before: int) -> list[int]:
    """Counts, after each step, the steps in a row up to it that had an update skipped."""
    skipped = (history["disc/skipped"] > 0) | (history["gen/skipped"] > 0)
    counts = itertools.accumulate(skipped, lambda n, bad: n + 1 if bad else 0, initial=before)
    # The first entry is `before` itself.
    return list(counts)[1:]


def metric_rows(
    config: Config, plan: StepPlan, chunk: Chunk, last_step: int, history: History
) -> list[dict[str, Any]]:
    """Returns the mean of each metric over each row's steps, or None where it is not finite.

    Skipped updates are summed instead.
    """
    first = last_step - (chunk.stop - chunk.start)
    per_step = images_per_step(config.train)
    rows = []
    for start, stop in row_bounds(plan, chunk):
        step = first + stop
        row: dict[str, Any] = {"step": step, "epoch": round(step / plan.epoch, 4)}
        row["images"] = step * per_step
        for name, values in sorted(history.items()):
            # A float32 sum over many steps would lose digits.
            part = values[start:stop].astype(np.float64)
            value = float(part.sum() if name.endswith("/skipped") else part.mean())
            row[name] = value if np.isfinite(value) else None
        rows.append(row)
    return rows
