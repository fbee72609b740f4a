"""Metrics on points that should follow a mixture of equal Gaussians: the 2-D ring and grid."""

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
    """Computes high-quality samples, modes and reverse KL for a ring or grid of Gaussians.

    A point belongs to its nearest mean, and is of high quality if it is strictly within three
    sigma of it. A higher fraction of such points, more modes and a lower reverse KL are better; a
    perfect sampler in the plane has high_quality = 1 - exp(-9/2) = 0.989. As in PacGAN's code,
    only high-quality points count for the histogram of modes. Without any, reverse_kl is
    infinite. The protocol has 2,500 points.

    Source: VEEGAN (Srivastava et al. 2017, arXiv:1705.07761) and PacGAN (Lin et al. 2018,
    arXiv:1712.04086).

    Args:
      points: (samples, dimensions).
      means: (modes, dimensions).
      sigma: standard deviation of each mode along each axis, in the unit of the points.

    Raises:
      UserError: sigma not above zero, no points or means, unequal dimensions, NaN or infinity.
    """
    fractions = mode_fractions(points, means, sigma)
    high_quality = fractions.sum()
    if high_quality == 0:
        return PointModes(0.0, 0, float("inf"))
    uniform = np.full(len(fractions), 1 / len(fractions))
    modes = int(np.count_nonzero(fractions))
    return PointModes(float(high_quality), modes, reverse_kl(fractions / high_quality, uniform))


def mode_fractions(
    points: ArrayLike, means: ArrayLike, sigma: float
) -> Float[np.ndarray, " modes"]:
    """Returns the fraction of all points that belong to each mode and are of high quality.

    The fractions sum to 1 less the fraction of points between the modes. Arguments and errors
    are those of `point_modes`.
    """
    if not 0 < sigma < float("inf"):
        raise UserError(f"sigma = {sigma}: must be a positive number")
    points = checked_features("points", points, 1, "draw some")
    means = checked_features("means", means, 1, "name the modes")
    if points.shape[1] != means.shape[1]:
        raise UserError(f"points have {points.shape[1]} dimensions and means {means.shape[1]}")
    distances = np.linalg.norm(points[:, None] - means[None], axis=-1)
    nearest = np.argmin(distances, axis=1)
    high_quality = nearest[distances.min(axis=1) < RADIUS * sigma]
    return np.bincount(high_quality, minlength=len(means)) / len(points)


def mode_distance(real: Float[np.ndarray, " modes"], fake: Float[np.ndarray, " modes"]) -> float:
    """Computes the total variation distance of the `mode_fractions` of two sets.

    In [0, 1]; lower is better. Points between the modes count as one more mode. Unlike the
    Fréchet distance, which depends on mean and covariance only, it distinguishes a ring from a
    circle, and unlike `point_modes` it is one number.
    """
    # Rounding can make the fractions sum to a little more than 1.
    histograms = [np.append(part, max(0.0, 1 - part.sum())) for part in (real, fake)]
    return total_variation(*(part / part.sum() for part in histograms))
