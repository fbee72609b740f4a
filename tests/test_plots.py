import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jaxgan import plots
from jaxgan.plots import diagnostics
from jaxgan.plots.diagnostics import save_pairs

pytestmark = pytest.mark.usefixtures("drawn_figures")


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_images_of_any_number_of_channels_can_be_shown(channels, tmp_path):
    levels = 40 * np.arange(1, channels + 1)
    pixels = np.broadcast_to(levels, (2, 60, 60, channels)).astype(np.uint8)
    plots.save_grid(tmp_path / "grid.png", pixels)
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


def test_drawing_leaves_pyplot_and_its_backend_alone():
    command = "import sys, jaxgan.plots, jaxgan.plots.comparisons, jaxgan.plots.diagnostics\n"
    command += "assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", command], check=True)
