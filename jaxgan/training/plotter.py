"""Draws the pictures of a run: a grid of samples, curves, diagnostics, nearest training images."""

from pathlib import Path

import numpy as np

from jaxgan import plots
from jaxgan.config.schema import Config
from jaxgan.evaluation.periodic import Pairs
from jaxgan.plots import diagnostics
from jaxgan.runs import layout


class Plotter:
    """Draws the pictures of one run into its directory.

    Attributes:
      pairs: samples and their nearest training images, until they are drawn.
    """

    def __init__(self, workdir: Path, config: Config, real: np.ndarray):
        """Takes some real examples, since generated points are drawn over real ones."""
        self.pairs: Pairs | None = None
        self._workdir, self._real = workdir, real
        self._title = f"{config.data.name}, {config.loss} loss, seed {config.seed}"
        self._evaluated = config.evaluate.every > 0
        (workdir / layout.SAMPLES).mkdir(exist_ok=True)

    def save_samples(self, epoch: int, samples: np.ndarray) -> None:
        """Draws the samples after an epoch, counted from 1."""
        path = self._workdir / layout.SAMPLES / f"epoch_{epoch:04d}.png"
        plots.save_samples(path, samples, self._real)

    def save_curves(self, rows: list[dict[str, float | None]]) -> None:
        """Draws the curves of all rows, and the newest evaluation."""
        plots.save_curves(self._workdir / layout.CURVES, rows, self._title)
        if self._evaluated:
            diagnostics.save_diagnostics(self._workdir / layout.DIAGNOSTICS, rows, self._title)
        if self.pairs:
            diagnostics.save_pairs(self._workdir / layout.MEMORISATION, *self.pairs)
            # They do not change before the next evaluation, so they are drawn once.
            self.pairs = None
