"""Metrics on a classifier's output for generated images: classifier score, classes, modes."""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxgan.config.errors import UserError
from jaxgan.metrics import validation
from jaxgan.metrics.validation import Fractions, check_at_least, checked_labels

# A classifier's mistakes rarely put so many samples into one of 1000 modes.
FALSE_MODES = 5


class ClassifierScore(NamedTuple):
    """Mean and standard deviation over the splits (0 for one split)."""

    mean: float
    std: float


class StackedModes(NamedTuple):
    modes: int  # modes with at least one sample
    modes_of_five: int  # modes with at least five samples
    reverse_kl: float  # KL(modes of the samples || uniform), in nats


def classifier_score(probabilities: ArrayLike, splits: int = 1) -> ClassifierScore:
    """Computes exp(mean KL(p(y|x) || p(y))), the Inception Score of any classifier.

    From 1 to the number of classes; higher is better. It detects neither repeated images nor
    nonsense that the classifier is sure of, so use it together with coverage.

    Source: Salimans et al. 2016 (arXiv:1606.03498), section 4.

    Args:
      probabilities: (samples, classes), rows sum to 1.
      splits: number of parts into which the samples are cut, in their order; each has its own
        p(y). TF-GAN uses 1, torch-fidelity 10; the score is lower for smaller parts.

    Raises:
      UserError: fewer samples than splits, or rows that are no probabilities.
    """
    check_at_least("splits", splits, 1)
    rows = validation.checked_probabilities("probabilities", probabilities)
    if len(rows) < splits:
        raise UserError(f"splits = {splits}: must be at most the {len(rows)} samples given")
    scores = [_score(part) for part in np.array_split(rows, splits)]
    return ClassifierScore(float(np.mean(scores)), float(np.std(scores)))


def class_histogram(labels: ArrayLike, classes: int) -> Fractions:
    """Returns the fraction of the labels (samples,) in each of `classes` classes, in float64.

    Raises:
      UserError: no labels, or a label that is not an integer from 0 to classes - 1.
    """
    checked = checked_labels("labels", labels, classes)
    return np.bincount(checked, minlength=classes) / len(checked)


def total_variation(first: ArrayLike, second: ArrayLike) -> float:
    """Computes half the sum of |p - q| of histograms (classes,): 0 if equal, 1 if disjoint.

    Raises:
      UserError: unequal lengths, or fractions that do not sum to 1.
    """
    p, q = _checked_histograms("first", first, "second", second)
    return float(np.abs(p - q).sum() / 2)


def mode_count(labels: ArrayLike, classes: int, at_least: int = 1) -> int:
    """Counts the classes with `at_least` or more of the labels (samples,).

    Raises:
      UserError: at_least below 1, or labels as in `class_histogram`.
    """
    check_at_least("at_least", at_least, 1)
    checked = checked_labels("labels", labels, classes)
    return int(np.sum(np.bincount(checked, minlength=classes) >= at_least))


def reverse_kl(generated: ArrayLike, target: ArrayLike) -> float:
    """Computes KL(generated || target) of two histograms (classes,), in nats.

    From 0, for equal histograms; lower is better. It is infinite if a generated class has
    probability 0 in the target. A missed mode adds no term, but the other modes then have too
    much.

    Raises:
      UserError: unequal lengths, or fractions that do not sum to 1.
    """
    p, q = _checked_histograms("generated", generated, "target", target)
    support = p > 0
    if (q[support] == 0).any():
        return float("inf")
    # Rounding can give a sum just below 0 for equal histograms.
    return float(max(0.0, np.sum(p[support] * np.log(p[support] / q[support]))))


def stacked_modes(
    red: ArrayLike, green: ArrayLike, blue: ArrayLike, classes: int = 10
) -> StackedModes:
    """Counts the modes of Stacked MNIST, from the predicted class of each color channel.

    More modes and a lower reverse KL are better. The protocol has 26,000 samples, for which a
    perfect uniform sampler has a reverse KL of 0.0194 (proportional to 1 / samples). Because a
    classifier's mistakes make missed modes look reached, modes with five samples are also
    counted.

    Source: Metz et al. 2017 (arXiv:1611.02163).

    Args:
      red, green, blue: (samples,) integers from 0 to classes - 1.
      classes: number of classes of one channel; there are classes^3 modes.

    Raises:
      UserError: unequal lengths, or labels as in `class_histogram`.
    """
    channels = {"red": red, "green": green, "blue": blue}
    digits = [checked_labels(name, labels, classes) for name, labels in channels.items()]
    if len({len(channel) for channel in digits}) > 1:
        lengths = ", ".join(str(len(channel)) for channel in digits)
        raise UserError(f"red, green and blue have {lengths} samples: must be the same images")
    modes = classes**3
    labels = (digits[0] * classes + digits[1]) * classes + digits[2]
    return StackedModes(
        modes=mode_count(labels, modes),
        modes_of_five=mode_count(labels, modes, at_least=FALSE_MODES),
        reverse_kl=reverse_kl(class_histogram(labels, modes), np.full(modes, 1 / modes)),
    )


def _score(conditional: Float[np.ndarray, "samples classes"]) -> float:
    marginal = conditional.mean(axis=0)
    # 0 log 0 counts as 0, and a marginal of 0 means that every row has 0 there.
    positive = conditional > 0
    ratio = np.divide(conditional, marginal, out=np.ones_like(conditional), where=positive)
    divergences = np.sum(conditional * np.log(ratio), axis=1)
    return float(np.exp(divergences.mean()))


def _checked_histograms(
    first_name: str, first: ArrayLike, second_name: str, second: ArrayLike
) -> tuple[Fractions, Fractions]:
    p = validation.checked_fractions(first_name, first)
    q = validation.checked_fractions(second_name, second)
    if len(p) != len(q):
        raise UserError(f"{first_name} has {len(p)} classes and {second_name} {len(q)}")
    return p, q
