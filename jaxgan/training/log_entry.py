"""An entry in a log of a run: all that the log gets for one step."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol


class Histogram(NamedTuple):
    """Counts in bins of one width from the least to the greatest value, and two sums."""

    low: float
    high: float
    sum: float
    sum_squares: float
    counts: list[int]


class Entry(NamedTuple):
    """All that a log gets for one step.

    Attributes:
      seconds: time since the run began.
      scalars: NaN stands for values that were not finite.
      grid: a picture of samples, or None.
    """

    step: int
    seconds: float
    scalars: Mapping[str, float]
    histograms: Mapping[str, Histogram]
    grid: Path | None


class RunLog(Protocol):
    """A log of one run; the steps of its entries ascend, and may be equal."""

    def write(self, entry: Entry) -> None: ...

    def flush(self) -> None:
        """Returns when the program that shows the log can read what was written."""

    def close(self) -> None: ...
