"""What the steps to come take, read by Grain's threads while the device computes."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import grain

THREADS = min(16, os.cpu_count() or 1)  # Grain's own number is 16
Read = Callable[[int], Any]  # what a step, counted from the run's first, takes


def prefetch(read: Read, steps: range, ahead: int) -> Iterator[Any]:
    """What is read for each of the steps, in turn; so many steps are read `ahead`, or one by each
    thread.

    It depends on the step alone, so that any step can be the first.
    """
    source = grain.MapDataset.source(_Steps(read, steps))
    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=max(ahead, THREADS))
    return iter(source.to_iter_dataset(options))


class _Steps:
    """Grain's random access: the item of each place is what that step takes."""

    def __init__(self, read: Read, steps: range):
        self._read, self._steps = read, steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, place: int) -> Any:
        return self._read(self._steps[place])
