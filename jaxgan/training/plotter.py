"""Draws the pictures of a run: a grid of samples, curves, diagnostics, nearest training images."""

from pathlib import Path

import numpy as np

from jaxgan import plots
from jaxgan.config.schema import Config
from jaxgan.evaluation.periodic import Pairs
from jaxgan.plots import diagnostics
from jaxgan.runs import layout
from jaxgan.runs.plan import Chunk, images_per_step


class Plotter:
    """Draws the pictures of one run into its directory.

    Attributes:
      pairs: samples and their nearest training images, until they are drawn.
    """

    def __init__(self, workdir: Path, config: Config, real: np.ndarray):
        """Takes some real examples, since generated points are drawn over real ones."""
        self.pairs: Pairs | None = None
        self._workdir, self._real, self._train = workdir, real, config.train
        self._title = f"{config.data.name}, {config.loss} loss, seed {config.seed}"
        self._evaluated = config.evaluate.every > 0
        (workdir / layout.SAMPLES).mkdir(exist_ok=True)

    def save_samples(self, chunk: Chunk, samples: np.ndarray) -> Path:
        """Draws the samples of the state after a chunk; returns the picture."""
        images = chunk.stop * images_per_step(self._train)
        # An interval has another number of images in another run; an epoch has not.
        name = f"images_{images:09d}" if self._train.images else f"epoch_{chunk.interval:04d}"
        path = self._workdir / layout.SAMPLES / f"{name}.png"
        plots.save_samples(path, samples, self._real)
        return path

    def save_curves(self, rows: list[dict[str, float | None]]) -> None:
        """Draws the curves of all rows, and the newest evaluation."""
        plots.save_curves(self._workdir / layout.CURVES, rows, self._title)
        if self._evaluated:
            diagnostics.save_diagnostics(self._workdir / layout.DIAGNOSTICS, rows, self._title)
        if self.pairs:
            diagnostics.save_pairs(self._workdir / layout.MEMORISATION, *self.pairs)
            # They do not change before the next evaluation, so they are drawn once.
            self.pairs = None
