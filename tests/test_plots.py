import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jaxgan import plots
from jaxgan.plots import diagnostics
from jaxgan.plots.comparisons import save_bands
from jaxgan.plots.diagnostics import save_pairs

pytestmark = pytest.mark.usefixtures("drawn_figures")


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_images_of_any_number_of_channels_can_be_shown(channels, tmp_path):
    levels = 40 * np.arange(1, channels + 1)
    pixels = np.broadcast_to(levels, (2, 60, 60, channels)).astype(np.uint8)
    plots.save_samples(tmp_path / "grid.png", pixels, pixels)
    picture = np.asarray(Image.open(tmp_path / "grid.png"))
    shown = {1: 40, 2: [40, 80, 0], 4: [40, 80, 120, 160]}.get(channels, [40, 80, 120])
    assert (picture[30, 30] == shown).all()
    save_pairs(tmp_path / "pairs.png", pixels, pixels, np.ones(2))
    pairs = np.asarray(Image.open(tmp_path / "pairs.png").convert("RGB")).astype(int)
    colour = np.broadcast_to(shown, 3) if channels != 4 else np.array([120, 145, 170])  # on white
    assert np.sum(np.abs(pairs - colour).max(axis=2) <= 2) > 1000


def test_the_legend_names_only_measured_metrics(tmp_path, monkeypatch):
    figures = []
    row = {"epoch": 1.0, "eval/class_distance/test/n50/x": 0.25, "eval/disc_auc/test/n50": 0.5}
    monkeypatch.setattr(
        diagnostics, "save_figure", lambda path, figure, dpi: figures.append(figure)
    )
    diagnostics.save_diagnostics(tmp_path / "d.png", [row], "title")
    (figure,) = figures
    legends = [axis.get_legend() for axis in figure.axes]
    words = [text.get_text() for legend in legends if legend for text in legend.get_texts()]
    assert words == [
        "classes of samples and of held-out images",
        "area under the ROC curve",
        "random guess (accuracy, area)",
    ]


@pytest.mark.parametrize("title", [r"a$_{$b", r"x$\frac{$", "数据"])
def test_any_name_of_a_data_set_can_be_a_title(tmp_path, title):
    """Two dollar signs begin a formula in Matplotlib, which fails if it is none."""
    row = dict.fromkeys(("disc/loss", "gen/loss", "disc/prob_real", "disc/prob_fake"), 0.5)
    rows = [row | {"step": step, "epoch": float(step)} for step in (1, 2)]
    rows[-1][f"eval/frechet/test/n50/{title}"] = 1.0
    plots.save_curves(tmp_path / "curves.png", rows, title)
    diagnostics.save_diagnostics(tmp_path / "diagnostics.png", rows, title)
    save_bands(tmp_path / "bands.png", {title: [rows], "other": [rows]}, title)


def test_drawing_leaves_pyplot_and_its_backend_alone():
    command = "import sys, jaxgan.plots, jaxgan.plots.comparisons, jaxgan.plots.diagnostics\n"
    command += "assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", command], check=True)
