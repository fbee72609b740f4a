"""Metrics on points drawn from a mixture of equal Gaussians: the 2-D ring and grid."""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike

from jaxgan.config import UserError
from jaxgan.metrics.checks import checked_features
from jaxgan.metrics.classes import class_histogram, mode_count, reverse_kl

RADIUS = 3  # standard deviations within which a point is of high quality


class PointModes(NamedTuple):
    high_quality: float  # fraction of points within three sigma of a mean
    modes: int  # means with a point of high quality
    reverse_kl: float  # of the high-quality points' modes to uniform, in nats


def point_modes(points: ArrayLike, means: ArrayLike, sigma: float) -> PointModes:
    """What a sampler of a ring or grid of Gaussians reaches, and how evenly.

    VEEGAN (Srivastava et al. 2017, arXiv:1705.07761) and PacGAN (Lin et al. 2018,
    arXiv:1712.04086): each point belongs to its nearest mean, and is of high
    quality strictly within three sigma of it. The protocol is for 2,500 points. As in
    PacGAN's code, the histogram of modes leaves the other points out. Without one point of
    high quality there is no histogram, and reverse_kl is infinite. A perfect sampler in the
    plane has high_quality 1 - exp(-9/2) = 0.989.

    Args:
      points: (samples, dimensions).
      means: (modes, dimensions).
      sigma: standard deviation of every mode along every axis, in the points' unit.

    Raises:
      UserError: sigma not above zero, no points or means, unequal dimensions, NaN or infinity.
    """
    if not 0 < sigma < float("inf"):
        raise UserError(f"sigma = {sigma}: must be a positive number")
    points = checked_features("points", points, 1, "draw some")
    means = checked_features("means", means, 1, "name the modes")
    if points.shape[1] != means.shape[1]:
        raise UserError(f"points have {points.shape[1]} dimensions and means {means.shape[1]}")
    distances = np.linalg.norm(points[:, None] - means[None], axis=-1)
    nearest = np.argmin(distances, axis=1)
    held = nearest[distances.min(axis=1) < RADIUS * sigma]
    if len(held) == 0:
        return PointModes(high_quality=0.0, modes=0, reverse_kl=float("inf"))
    modes = len(means)
    return PointModes(
        high_quality=len(held) / len(points),
        modes=mode_count(held, modes),
        reverse_kl=reverse_kl(class_histogram(held, modes), np.full(modes, 1 / modes)),
    )
