"""Turns the metrics of a chunk's steps into the rows of metrics.jsonl."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.runs import ledger
from jaxgan.runs.plan import row_bounds

CONSECUTIVE_SKIPPED = (
    "skipped_in_a_row"  # in a row of metrics: up to its last step, whatever was skipped
)


def consecutive_skipped(history: Mapping[str, np.ndarray], before: int) -> list[int]:
    """After each step, how many up to it had an update skipped, without one between them."""
    skipped = (history["disc/skipped"] > 0) | (history["gen/skipped"] > 0)
    counts = itertools.accumulate(
        skipped, lambda count, bad: count + 1 if bad else 0, initial=before
    )
    return list(counts)[1:]


def metric_rows(config, plan, done, history, in_a_row, seconds) -> list[dict[str, Any]]:
    """Means over each row's steps (sums of the skipped updates); not finite is null."""
    first = done.last_step - (done.chunk.stop - done.chunk.start)
    per_step = config.train.batch_size * config.train.d_steps
    rows = []
    for start, stop in row_bounds(plan, done.chunk):
        step = first + stop
        row: dict[str, Any] = {"step": step, "epoch": round(step / plan.epoch, 4)}
        row["images"] = step * per_step
        for name, values in sorted(history.items()):
            if name.startswith(ledger.PREFIX):
                continue
            part = values[start:stop].astype(np.float64)
            value = float(part.sum() if name.endswith("/skipped") else part.mean())
            row[name] = value if np.isfinite(value) else None
        rows.append(row | {CONSECUTIVE_SKIPPED: in_a_row[stop - 1], "seconds": seconds})
    return rows
