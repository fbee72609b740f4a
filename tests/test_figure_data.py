"""A figure that is saved as its data: every value that it shows counts."""

import numpy as np
import pytest
from PIL import Image

from jaxgan import plots
from jaxgan.plots.comparisons import save_bands
from jaxgan.plots.diagnostics import save_diagnostics, save_pairs
from tests.figure_data import drawn_figures


def rows(value):
    names = ("disc/loss", "gen/loss", "disc/prob_real", "disc/prob_fake", "disc/grad_norm")
    return [{"epoch": float(epoch), **dict.fromkeys(names, value)} for epoch in (1, 2)]


@pytest.mark.parametrize(
    "save",
    [
        lambda path, value: plots.save_curves(path, rows(value), "title"),
        lambda path, value: plots.save_curves(path, rows(0.5), str(value)),
        lambda path, value: save_diagnostics(path, rows(value), "title"),
        lambda path, value: save_bands(path, {"runs": [rows(0.0), rows(value)]}, "title"),
        lambda path, value: save_pairs(
            path, *np.zeros((2, 1, 6, 6, 1), np.uint8), np.full(1, value)
        ),
        lambda path, value: plots.save_scatter(path, np.array([[value, 0]]), np.eye(2)),
    ],
    ids=["curves", "title", "diagnostics", "bands", "pairs", "scatter"],
)
def test_equal_figures_have_equal_bytes_and_others_have_others(save, tmp_path):
    for name, value in (("a", 0.25), ("b", 0.25), ("c", 0.75)):
        save(tmp_path / name, value)
    first, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == same != other
    with Image.open(tmp_path / "a") as picture:
        assert picture.size == (1, 1)


def test_a_figure_that_is_drawn_twice_has_the_same_bytes(tmp_path):
    with drawn_figures():
        for name in "ab":
            save_diagnostics(tmp_path / name, rows(0.25), "title")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").stat().st_size > 10_000
