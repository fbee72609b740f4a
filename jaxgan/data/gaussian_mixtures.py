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

# For RandomState: numpy has frozen its stream, while `default_rng` may change with a release.
SEEDS = {"train": 0, "test": 1}


class Mixture(NamedTuple):
    """Equally likely isotropic Gaussians, all with the same standard deviation."""

    means: np.ndarray  # float64 (modes, dims)
    sigma: float


def draw_points(config: DataConfig, split: str) -> Examples:
    """Draws one split of a mixture; the labels are the modes.

    Raises:
      UserError: the config names a source or a folder, which drawn points do not have.
    """
    # A folder that is named must be the one that is read, and here none is read.
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


_ANGLES = [2 * math.pi * mode / 8 for mode in range(8)]
_RING = np.array([(math.cos(angle), math.sin(angle)) for angle in _ANGLES])
_GRID = np.array(list(itertools.product((-4.0, -2.0, 0.0, 2.0, 4.0), repeat=2)))
MIXTURES = {"ring": Mixture(_RING, 0.01), "grid": Mixture(_GRID, 0.05)}
