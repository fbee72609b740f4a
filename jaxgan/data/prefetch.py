"""Reads the examples of later steps with Grain's threads while the device computes."""

import os
from collections.abc import Callable, Generator
from typing import Any

import grain

from jaxgan.config.errors import UserError

THREADS = min(16, os.cpu_count() or 1)  # Grain's default is 16
ReadStep = Callable[[int], Any]  # from a step, counted from the start of the run, to its examples


def prefetch(read: ReadStep, steps: range, ahead: int) -> Generator[Any, None, None]:
    """Yields what `read` returns for each of the steps, in order.

    Reading a step must depend on nothing but the step, so that any step can be the first.

    Args:
      read: reads the examples of a step.
      steps: the steps to read.
      ahead: number of steps to read ahead; at least one for each thread.
    """
    # One item is a whole step and not an example: the order of the examples is already fixed by
    # `epoch_order`, and Grain must not shuffle or batch a second time.
    source = grain.MapDataset.source(_Steps(read, steps))
    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=max(ahead, THREADS))
    items = iter(source.to_iter_dataset(options))
    try:
        for item in items:
            if isinstance(item, UserError):
                raise item
            yield item
    finally:
        items.close()


class _Steps:
    """A random-access source for Grain: item i is what the i-th step reads."""

    def __init__(self, read: ReadStep, steps: range):
        self._read, self._steps = read, steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> Any:
        # Returned and not raised, since Grain adds lines of its own to the text of an error.
        try:
            return self._read(self._steps[index])
        except UserError as error:
            return error
