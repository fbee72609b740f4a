"""Thins long curves to as many points as a chart can show, with their extremes."""

import math
from collections.abc import Sequence

import numpy as np

LIMIT = 2000  # points of a line, which is more than a chart has columns of pixels


def thin(x: Sequence[float], columns: Sequence[Sequence[float | None]]) -> list[int]:
    """Returns the indices of the points to keep: the lowest and the highest of each bin.

    Bins hold equally many points. The first point, the last and the first value in each bin that is
    not finite are kept too, so that no spike and no gap is lost.

    Args:
      columns: the values of each curve, each as long as `x`; None is one that was not finite.
    """
    if len(x) <= LIMIT:
        return list(range(len(x)))
    size = math.ceil(len(x) * 3 * len(columns) / LIMIT)
    kept = {0, len(x) - 1}
    for column in columns:
        values = np.array(column, np.float64)  # None becomes NaN
        for start in range(0, len(x), size):
            kept |= {start + index for index in _extremes(values[start : start + size])}
    return sorted(kept)


def _extremes(values: np.ndarray) -> set[int]:
    """Returns the indices of the lowest, of the highest and of the first non-finite value."""
    finite = np.isfinite(values)
    found = {int(np.argmin(finite))} if not finite.all() else set()
    if finite.any():
        lowest = np.argmin(np.where(finite, values, np.inf))
        highest = np.argmax(np.where(finite, values, -np.inf))
        found |= {int(lowest), int(highest)}
    return found
