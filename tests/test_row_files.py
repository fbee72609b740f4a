import json

import pytest

from jaxgan.config.errors import UserError
from jaxgan.runs import layout, row_files


def test_rows_after_a_step_are_dropped_with_a_row_cut_short(tmp_path):
    row_files.append_rows(tmp_path, [{"step": step, "epoch": 1.0} for step in (1, 2, 3, 4)])
    path = tmp_path / layout.METRICS
    path.write_text(path.read_text()[:-3])
    assert [row["step"] for row in row_files.read_rows(tmp_path)] == [1, 2, 3]
    row_files.drop_rows_after(tmp_path, 2)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_damaged_row_before_the_last_is_refused_by_its_number(tmp_path):
    row_files.append_rows(tmp_path, [{"step": step, "epoch": 1.0} for step in (1, 2, 3)])
    path = tmp_path / layout.METRICS
    first = path.read_text().splitlines()[0]
    damages = ("{", "5", '{"x": 1}', '{"step": 2}', '{"step": 2, "epoch": 1, "x": "text"}')
    for damage in (*damages, "[" * 100_000, "9" * 5000, '{"step": 2, "epoch": NaN}'):
        path.write_text(f"{first}\n{damage}\n{first}\n")
        with pytest.raises(UserError, match="line 2 is damaged"):
            row_files.read_rows(tmp_path)


def test_what_is_not_finite_is_null_in_a_row(tmp_path):
    row = {"step": 1, "epoch": 1.0, "a": float("nan"), "b": [float("inf"), 2.0]}
    row_files.append_rows(tmp_path, [row])
    assert row_files.read_rows(tmp_path) == [row | {"a": None, "b": [None, 2.0]}]
