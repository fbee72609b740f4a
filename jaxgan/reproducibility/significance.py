"""Whether two samples of runs differ by more than their seeds make them: Welch's t-test.

Several figures are judged together, so their p-values are adjusted by Holm's method (Holm 1979):
if nothing differs, the chance that any of them falls below `LEVEL` is at most `LEVEL`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.05
MIN_RUNS = 2  # runs on each side, without which there is no spread


class WelchTest(NamedTuple):
    """Attributes:
    means, deviations: of the two samples (sample standard deviations).
    difference: of the means, second minus first, with `low` and `high`, its 95 % interval.
    p: adjusted, of no difference.
    """

    sizes: tuple[int, int]
    means: tuple[float, float]
    deviations: tuple[float, float]
    difference: float
    low: float
    high: float
    p: float

    @property
    def within_noise(self) -> bool:
        return self.p >= LEVEL


Samples = tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]


def welch_tests(samples: Mapping[str, Samples]) -> dict[str, WelchTest]:
    """Of each figure; those of fewer than two runs on a side, or with NaN, are left out."""
    found = {name: _welch_test(*pair) for name, pair in samples.items() if _is_testable(*pair)}
    adjusted = holm([contrast.p for contrast in found.values()])
    pairs = zip(found.items(), adjusted, strict=True)
    return {name: contrast._replace(p=p) for (name, contrast), p in pairs}


def holm(ps: Sequence[float]) -> list[float]:
    """p-values adjusted for being judged together."""
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def _welch_test(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> WelchTest:
    means, deviations = (np.mean(a), np.mean(b)), (np.std(a, ddof=1), np.std(b, ddof=1))
    difference = float(means[1] - means[0])
    if max(deviations) == 0:
        low = high = difference
        p = 1.0 if difference == 0 else 0.0
    else:
        test = stats.ttest_ind(b, a, equal_var=False)
        (low, high), p = test.confidence_interval(0.95), test.pvalue
    return WelchTest(
        (len(a), len(b)),
        (float(means[0]), float(means[1])),
        (float(deviations[0]), float(deviations[1])),
        difference,
        float(low),
        float(high),
        float(p),
    )


def _is_testable(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> bool:
    return min(len(a), len(b)) >= MIN_RUNS and all(map(math.isfinite, (*a, *b)))
