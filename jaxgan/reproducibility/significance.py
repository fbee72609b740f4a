"""Welch's t-test: whether metrics of two sets of runs differ by more than their seeds explain.

Several metrics are tested together, so their p-values are adjusted by Holm's method (Holm 1979):
if nothing differs, the probability that any of them falls below `LEVEL` is at most `LEVEL`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.05
MIN_RUNS = 2  # runs on each side, which a standard deviation needs

Sample = Sequence[float] | np.ndarray


class WelchTest(NamedTuple):
    """The result of a test of one metric.

    Attributes:
      sizes, means, deviations: of the two samples; deviations are sample standard deviations.
      difference: second mean minus first mean.
      low, high: its 95 % confidence interval.
      p: adjusted p-value of "no difference".
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
        """True if the difference is not significant at `LEVEL`."""
        return self.p >= LEVEL


def welch_tests(samples: Mapping[str, tuple[Sample, Sample]]) -> dict[str, WelchTest]:
    """Tests each pair of samples, and adjusts the p-values for the number of tests.

    Pairs with NaN, or with fewer than `MIN_RUNS` values on a side, are left out.
    """
    tests = {name: _welch_test(*pair) for name, pair in samples.items() if _is_testable(*pair)}
    adjusted = holm([test.p for test in tests.values()])
    pairs = zip(tests.items(), adjusted, strict=True)
    return {name: test._replace(p=p) for (name, test), p in pairs}


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values by Holm's step-down method."""
    count = len(p_values)
    adjusted, largest = [0.0] * count, 0.0
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        # Never below the adjusted value of a smaller p-value: that keeps the order of the tests.
        largest = max(largest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _welch_test(a: Sample, b: Sample) -> WelchTest:
    means = float(np.mean(a)), float(np.mean(b))
    deviations = float(np.std(a, ddof=1)), float(np.std(b, ddof=1))
    difference = means[1] - means[0]
    # The statistic would be 0 / 0, or infinite.
    if max(deviations) == 0:
        low = high = difference
        p = 1.0 if difference == 0 else 0.0
    else:
        # b comes first, so that the interval is that of b - a.
        test = stats.ttest_ind(b, a, equal_var=False)
        (low, high), p = test.confidence_interval(0.95), test.pvalue
    sizes = len(a), len(b)
    return WelchTest(sizes, means, deviations, difference, float(low), float(high), float(p))


def _is_testable(a: Sample, b: Sample) -> bool:
    return min(len(a), len(b)) >= MIN_RUNS and all(map(math.isfinite, (*a, *b)))
