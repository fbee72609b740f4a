"""The ring and the grid: points drawn from equal Gaussians, to measure mode coverage.

The protocol is that of VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018).
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data.datasets import DATASETS
from jaxgan.data.examples import Examples

SEEDS = {"train": 0, "test": 1}  # for numpy's RandomState, whose random numbers never change


class Mixture(NamedTuple):
    """Equally likely isotropic Gaussians, all with the same standard deviation."""

    means: np.ndarray  # float64 (modes, dims)
    sigma: float


def draw_points(config: DataConfig, split: str) -> Examples:
    """Draws one split of a mixture; the labels are the modes.

    Raises:
      UserError: the config names a source or a folder, which drawn points do not have.
    """
    if config.source != "auto" or config.dir:
        name, value = ("dir", config.dir) if config.dir else ("source", config.source)
        raise UserError(
            f"config.data.{name} = {value!r}: {config.name} is drawn, not read; leave "
            "config.data.source at 'auto' and config.data.dir at ''"
        )
    means, sigma = MIXTURES[config.name]
    random = np.random.RandomState(SEEDS[split])
    modes = random.randint(0, len(means), DATASETS[config.name].examples[split], np.int32)
    points = means[modes] + sigma * random.standard_normal((len(modes), means.shape[1]))
    return Examples(points.astype(np.float32), modes, len(means), f"drawn {config.name}")


def _ring(modes: int) -> np.ndarray:
    angles = [2 * math.pi * mode / modes for mode in range(modes)]
    return np.array([(math.cos(angle), math.sin(angle)) for angle in angles])


def _grid(axis: tuple[float, ...]) -> np.ndarray:
    return np.array(list(itertools.product(axis, repeat=2)))


MIXTURES = {
    "ring": Mixture(_ring(8), 0.01),
    "grid": Mixture(_grid((-4.0, -2.0, 0.0, 2.0, 4.0)), 0.05),
}
