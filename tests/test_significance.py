import numpy as np
import pytest
from scipy import stats

from jaxgan.reproducibility.significance import holm, welch_tests


def test_the_difference_of_means_has_welchs_interval_and_p():
    a, b = [1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 9.0]
    found = welch_tests({"x": (a, b)})["x"]
    variances = np.var(a, ddof=1) / 4, np.var(b, ddof=1) / 3
    error = np.sqrt(sum(variances))
    freedom = sum(variances) ** 2 / (variances[0] ** 2 / 3 + variances[1] ** 2 / 2)
    assert found.difference == pytest.approx(2.5)
    assert found.p == pytest.approx(2 * stats.t.sf(2.5 / error, freedom))
    half = stats.t.ppf(0.975, freedom) * error
    assert (found.low, found.high) == pytest.approx((2.5 - half, 2.5 + half))
    assert found.within_noise


def test_ps_are_adjusted_in_holms_way():
    # Holm 1979: the smallest times m, the next times m - 1, never below the one before.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_equal_seeds_differ_in_one_of_twenty_families_at_most():
    random = np.random.RandomState(0)
    false = 0
    for _ in range(200):
        samples = {str(i): (random.randn(8), random.randn(8)) for i in range(10)}
        false += any(not c.within_noise for c in welch_tests(samples).values())
    assert 1 <= false <= 20  # 10 are expected, and 20 exceeded in one of 1,000 trials


def test_a_difference_of_three_deviations_is_seen():
    random = np.random.RandomState(1)
    found = welch_tests({"x": (random.randn(8), random.randn(8) + 3)})["x"]
    assert not found.within_noise
    assert found.low > 0


def test_without_spread_any_difference_counts_and_none_does_not():
    found = welch_tests({"same": ([1.0, 1.0], [1.0, 1.0]), "other": ([1.0, 1.0], [2.0, 2.0])})
    assert found["same"].p == 1
    assert found["other"].p == 0


def test_what_has_no_spread_to_judge_by_is_left_out():
    assert welch_tests({"one": ([1.0], [2.0, 3.0]), "nan": ([1.0, float("nan")], [1.0, 2.0])}) == {}
