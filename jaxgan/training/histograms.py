"""Histograms of the networks' weights at each checkpoint: `histograms.jsonl`, for the logs.

They are kept in a file of rows, which is rolled back as the metrics are, so that the logs of a
resumed run can be written anew from it.
"""

from typing import Any

import numpy as np

from jaxgan.runs.checkpoints import Leaves
from jaxgan.training.log_entry import Histogram

BINS = 30
PLAYERS = ("gen.params.", "disc.params.")
Row = dict[str, Any]


def histogram_row(leaves: Leaves, metrics_row: Row) -> Row:
    """Returns the row of a checkpoint: a histogram of each array of weights with a finite value.

    Args:
      leaves: the arrays of the state.
      metrics_row: of the same step.
    """
    found = {name: _histogram(leaf) for name, leaf in leaves.items() if name.startswith(PLAYERS)}
    where = {name: metrics_row[name] for name in ("epoch", "seconds")}
    return {"step": int(leaves["step"])} | where | {k: v._asdict() for k, v in found.items() if v}


def histograms_in(row: Row) -> dict[str, Histogram]:
    """Returns the histograms of a row by the name of the array."""
    return {name: Histogram(**value) for name, value in row.items() if name.startswith(PLAYERS)}


def _histogram(leaf: np.ndarray) -> Histogram | None:
    values = leaf[np.isfinite(leaf)].astype(np.float64)
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    counts, _ = np.histogram(values, BINS, (low, high))
    return Histogram(low, high, float(values.sum()), float(values @ values), counts.tolist())
