import itertools

from jaxgan.training.curve_rows import LIMIT, CurveRows


def row(step):
    return {"step": step, "disc/loss": 1.0} | ({"eval/x": 2.0} if step % 1000 == 0 else {})


def test_a_short_run_shows_all_its_rows():
    rows = [row(step) for step in range(1, 100)]
    assert CurveRows(rows).kept() == rows
    assert CurveRows([]).kept() == []


def test_a_long_run_shows_evenly_spaced_rows_all_evaluations_and_its_last_row():
    rows = CurveRows(map(row, range(1, 10 * LIMIT + 2)))
    steps = [kept["step"] for kept in rows.kept()]
    assert len(steps) < 2 * LIMIT
    assert steps[0] == 1
    assert steps[-1] == rows.newest["step"] == 10 * LIMIT + 1
    assert set(range(1000, 10 * LIMIT, 1000)) <= set(steps)
    assert max(b - a for a, b in itertools.pairwise(steps)) <= 16


def test_rows_of_a_resumed_run_are_kept_as_those_of_one_that_was_not_stopped():
    whole, resumed = CurveRows(map(row, range(1, 9000))), CurveRows(map(row, range(1, 7001)))
    resumed.add(map(row, range(7001, 9000)))
    assert whole.kept() == resumed.kept()
