"""Metrics on a discriminator's logits: does it tell real from fake, and does it know how well."""

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxgan.config.errors import UserError
from jaxgan.metrics.validation import check_at_least, checked_numbers

BINS = 15  # as Guo et al.
Logits = Float[np.ndarray, " samples"]  # float64


def logit_accuracy(real: ArrayLike, fake: ArrayLike) -> float:
    """Fraction on the right side of zero, reals above it, the mean of both sets: 0.5 is a guess.

    It means something only of a discriminator whose loss has its threshold there.

    Args:
      real, fake: (samples,) logits.

    Raises:
      UserError: no logits in a set, NaN or infinity.
    """
    real, fake = _checked("real", real), _checked("fake", fake)
    return float((np.mean(real > 0) + np.mean(fake <= 0)) / 2)


def area_under_curve(real: ArrayLike, fake: ArrayLike) -> float:
    """Chance that a real has a higher logit than a fake, a tie counting half: 0.5 is a guess.

    The area under the receiver operating characteristic (Hanley & McNeil 1982). It needs no
    threshold, and so serves critics whose zero means nothing.

    Args:
      real, fake: (samples,) logits.

    Raises:
      UserError: no logits in a set, NaN or infinity.
    """
    real, fake = _checked("real", real), np.sort(_checked("fake", fake))
    below = np.searchsorted(fake, real, side="left")
    not_above = np.searchsorted(fake, real, side="right")
    return float(np.sum(below + not_above) / (2 * len(real) * len(fake)))


def calibration_error(real: ArrayLike, fake: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error of sigmoid(logit) as the probability of being real.

    Guo et al. 2017 (arXiv:1706.04599), eq. 3, for two classes: over equal bins of
    the probability, the mean of |mean probability - fraction of reals|, weighted by the
    samples in a bin. Both sets count as if they were of one size.

    Args:
      real, fake: (samples,) logits.
      bins: how many.

    Raises:
      UserError: no logits in a set, NaN or infinity, bins below 1.
    """
    check_at_least("bins", bins, 1)
    sets = [(_checked("real", real), 1.0), (_checked("fake", fake), 0.0)]
    gaps = np.zeros(bins)
    for logits, label in sets:
        probabilities = (1 + np.tanh(logits / 2)) / 2  # the sigmoid, without overflow
        places = np.minimum((probabilities * bins).astype(int), bins - 1)
        weights = (probabilities - label) / (2 * len(logits))
        gaps += np.bincount(places, weights=weights, minlength=bins)
    return float(np.sum(np.abs(gaps)))


def _checked(name: str, values: ArrayLike) -> Logits:
    logits = checked_numbers(name, values, "(samples,)", 1)
    if len(logits) == 0:
        raise UserError(f"{name} is empty: needs at least one logit")
    return logits
