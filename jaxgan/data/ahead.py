"""The examples of the steps to come, read by Grain's threads while the device computes."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import grain
import numpy as np

from jaxgan.data.stored import Array

THREADS = min(16, os.cpu_count() or 1)  # Grain's own number is 16

RowsOf = Callable[[int], np.ndarray]  # of a step, counted from the run's first: indices


class StepExamples(NamedTuple):
    """What one step takes."""

    rows: np.ndarray  # int32: indices of the examples, of any shape
    pixels: np.ndarray  # of each, in the order of `rows`


def read_ahead(pixels: Array, rows_of: RowsOf, steps: range, ahead: int) -> Iterator[StepExamples]:
    """What each of the steps takes, in turn; so many steps are read `ahead`, or one by each thread.

    Which examples these are depends on the step alone, so that any step can be the first.
    """
    source = grain.MapDataset.source(_Steps(pixels, rows_of, steps))
    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=max(ahead, THREADS))
    return iter(source.to_iter_dataset(options))


class _Steps:
    """Grain's random access: the item of each place is what that step takes."""

    def __init__(self, pixels: Array, rows_of: RowsOf, steps: range):
        self._pixels, self._rows_of, self._steps = pixels, rows_of, steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, place: int) -> StepExamples:
        rows = self._rows_of(self._steps[place])
        return StepExamples(rows, self._pixels[rows.reshape(-1)])
