"""Metrics on points drawn from a mixture of equal Gaussians: the 2-D ring and grid."""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxgan.config.errors import UserError
from jaxgan.metrics.classes import reverse_kl, total_variation
from jaxgan.metrics.validation import checked_features

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
    fractions = mode_fractions(points, means, sigma)
    held = fractions.sum()
    if held == 0:
        return PointModes(high_quality=0.0, modes=0, reverse_kl=float("inf"))
    uniform = np.full(len(fractions), 1 / len(fractions))
    modes = int(np.count_nonzero(fractions))
    return PointModes(float(held), modes, reverse_kl(fractions / held, uniform))


def mode_fractions(
    points: ArrayLike, means: ArrayLike, sigma: float
) -> Float[np.ndarray, " modes"]:
    """Fraction of the points that are of high quality and belong to each mode.

    Arguments and errors as of `point_modes`. The rest to 1 is between the modes.
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
    return np.bincount(held, minlength=len(means)) / len(points)


def mode_distance(real: Float[np.ndarray, " modes"], fake: Float[np.ndarray, " modes"]) -> float:
    """Total variation between two sets' `mode_fractions`, between the modes being one more place.

    In [0, 1]. Unlike the Fréchet distance of points, which sees no more than their mean and
    covariance, it tells a ring from a circle, and unlike `point_modes` it is one number.
    """
    whole = [np.append(part, max(0.0, 1 - part.sum())) for part in (real, fake)]
    return total_variation(*(part / part.sum() for part in whole))
