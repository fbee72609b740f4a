"""Metrics on a discriminator's logits: accuracy, area under the ROC curve, calibration error."""

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxgan.config.errors import UserError
from jaxgan.metrics.validation import check_at_least, checked_numbers

BINS = 15  # as in Guo et al. 2017
Logits = Float[np.ndarray, " samples"]  # float64


def logit_accuracy(real: ArrayLike, fake: ArrayLike) -> float:
    """Computes the balanced accuracy of the classification "real if the logit is positive".

    In [0, 1]; 0.5 is chance. It is meaningful only if the loss has its threshold at 0.

    Args:
      real, fake: (samples,) logits.

    Raises:
      UserError: no logits in a set, NaN or infinity.
    """
    real, fake = _checked("real", real), _checked("fake", fake)
    return float((np.mean(real > 0) + np.mean(fake <= 0)) / 2)


def area_under_curve(real: ArrayLike, fake: ArrayLike) -> float:
    """Computes the area under the ROC curve: P(logit of a real > logit of a fake) + P(tie) / 2.

    In [0, 1]; 0.5 is chance. It has no threshold, so it also suits critics, whose 0 has no
    meaning. Source: Hanley & McNeil 1982. (The same as scikit-learn's `roc_auc_score`, which
    takes a second to import while a run trains.)

    Args:
      real, fake: (samples,) logits.

    Raises:
      UserError: no logits in a set, NaN or infinity.
    """
    # Sorted, so that no table of all pairs is needed: n log n steps and not n^2.
    real, fake = _checked("real", real), np.sort(_checked("fake", fake))
    below = np.searchsorted(fake, real, side="left")
    not_above = np.searchsorted(fake, real, side="right")
    return float(np.sum(below + not_above) / (2 * len(real) * len(fake)))


def calibration_error(real: ArrayLike, fake: ArrayLike, bins: int = BINS) -> float:
    """Computes the expected calibration error of sigmoid(logit) as the probability of "real".

    In [0, 1]; lower is better. It is the mean over equally wide bins of the probability of
    |mean probability - fraction of reals|, weighted by the samples in the bin. Both sets have
    the same total weight, whatever their sizes.

    Source: Guo et al. 2017 (arXiv:1706.04599), eq. 3, for two classes.

    Args:
      real, fake: (samples,) logits.
      bins: number of bins.

    Raises:
      UserError: no logits in a set, NaN or infinity, bins below 1.
    """
    check_at_least("bins", bins, 1)
    sets = [(_checked("real", real), 1.0), (_checked("fake", fake), 0.0)]
    gaps = np.zeros(bins)
    for logits, label in sets:
        # The sigmoid; written with exp it would overflow for large negative logits.
        probabilities = (1 + np.tanh(logits / 2)) / 2
        # A probability of exactly 1 belongs to the last bin.
        indices = np.minimum((probabilities * bins).astype(int), bins - 1)
        weights = (probabilities - label) / (2 * len(logits))
        gaps += np.bincount(indices, weights=weights, minlength=bins)
    return float(np.sum(np.abs(gaps)))


def _checked(name: str, values: ArrayLike) -> Logits:
    logits = checked_numbers(name, values, "(samples,)", 1)
    if len(logits) == 0:
        raise UserError(f"{name} is empty: needs at least one logit")
    return logits
