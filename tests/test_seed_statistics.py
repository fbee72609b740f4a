"""Statistics over seeds."""

import numpy as np
import pytest

from jaxgan.plots.comparisons import quartiles_by_epoch
from jaxgan.runs import seed_statistics


def test_statistics_are_those_of_numpy():
    values = {0: 3.0, 5: 1.0, 7: 10.0, 8: None, 9: 2.5}
    finite = [3.0, 1.0, 10.0, 2.5]
    found = seed_statistics.statistics_of(values)
    assert found["n"] == 4
    assert found["std"] == pytest.approx(np.std(finite, ddof=1), rel=1e-12)
    assert found["mean"] == pytest.approx(4.125, rel=1e-12)
    quartiles = [found[name] for name in ("min", "q1", "median", "q3", "max")]
    np.testing.assert_allclose(quartiles, np.percentile(finite, [0, 25, 50, 75, 100]))
    assert found["values"] == {"0": 3.0, "5": 1.0, "7": 10.0, "8": None, "9": 2.5}
    one = seed_statistics.statistics_of({4: 2.0})
    assert (one["n"], one["mean"], one["std"], one["max"]) == (1, 2.0, None, 2.0)
    assert seed_statistics.statistics_of({4: None})["median"] is None


def test_bands_show_the_quartiles_of_the_runs_that_have_a_finite_value():
    runs = [[{"epoch": 1.0, "x": value}] for value in (1.0, 2.0, 3.0, 4.0, None)]
    epochs, quartiles = quartiles_by_epoch([*runs, [{"epoch": 2.0}]], "x")
    assert epochs == [1.0]
    np.testing.assert_allclose(quartiles, [np.percentile([1, 2, 3, 4], [25, 50, 75])])
