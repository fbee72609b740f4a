"""Metrics on what a classifier says of generated images: score, histogram, modes."""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxgan.config.errors import UserError
from jaxgan.metrics.validation import (
    Fractions,
    check_at_least,
    checked_fractions,
    checked_labels,
    checked_probabilities,
)

FALSE_MODES = 5  # samples that a classifier's mistakes seldom put into one mode of a thousand


class ClassifierScore(NamedTuple):
    """Over the splits: mean and standard deviation (0 for one split)."""

    mean: float
    std: float


class StackedModes(NamedTuple):
    modes: int  # hit at least once
    modes_of_five: int  # hit at least five times
    reverse_kl: float  # to uniform, in nats


def classifier_score(probabilities: ArrayLike, splits: int = 1) -> ClassifierScore:
    """exp of the mean KL(p(y|x) || p(y)): from 1 to the number of classes.

    Salimans et al. 2016 (arXiv:1606.03498), section 4, there of Inception's classes. It sees
    neither repeated images nor nonsense that the classifier is sure of: judge by coverage too.

    Args:
      probabilities: (samples, classes), rows sum to 1.
      splits: the set is cut, in the order given, into so many parts, each with its own p(y).
        TF-GAN uses one, torch-fidelity ten; the score falls with the size of a part.

    Raises:
      UserError: fewer samples than splits, or rows that are no probabilities.
    """
    check_at_least("splits", splits, 1)
    rows = checked_probabilities("probabilities", probabilities)
    if len(rows) < splits:
        raise UserError(f"splits = {splits}: must be at most the {len(rows)} samples given")
    scores = [_score(part) for part in np.array_split(rows, splits)]
    return ClassifierScore(float(np.mean(scores)), float(np.std(scores)))


def class_histogram(labels: ArrayLike, classes: int) -> Fractions:
    """Fraction of the labels (samples,) in each of `classes` classes; numpy float64.

    Raises:
      UserError: no labels, or one that is no integer from 0 to classes - 1.
    """
    checked = checked_labels("labels", labels, classes)
    return np.bincount(checked, minlength=classes) / len(checked)


def total_variation(first: ArrayLike, second: ArrayLike) -> float:
    """Half the sum of |p - q| over two histograms (classes,): 0 if equal, 1 if disjoint.

    Raises:
      UserError: unequal lengths, or fractions that do not sum to 1.
    """
    p, q = _checked_histograms("first", first, "second", second)
    return float(np.abs(p - q).sum() / 2)


def mode_count(labels: ArrayLike, classes: int, at_least: int = 1) -> int:
    """How many classes have `at_least` of the labels (samples,).

    Raises:
      UserError: at_least below 1, or labels as in `class_histogram`.
    """
    check_at_least("at_least", at_least, 1)
    checked = checked_labels("labels", labels, classes)
    return int(np.sum(np.bincount(checked, minlength=classes) >= at_least))


def reverse_kl(generated: ArrayLike, target: ArrayLike) -> float:
    """KL(generated || target) in nats of two histograms (classes,).

    Infinite where something is generated that the target never has; a mode that is missed
    costs nothing by itself, but the rest then has too much.

    Raises:
      UserError: unequal lengths, or fractions that do not sum to 1.
    """
    p, q = _checked_histograms("generated", generated, "target", target)
    held = p > 0
    if (q[held] == 0).any():
        return float("inf")
    return float(max(0.0, np.sum(p[held] * np.log(p[held] / q[held]))))


def stacked_modes(
    red: ArrayLike, green: ArrayLike, blue: ArrayLike, classes: int = 10
) -> StackedModes:
    """Modes of stacked images (Stacked MNIST) from the predicted class of each channel.

    Metz et al. 2017 (arXiv:1611.02163). The protocol is for 26,000 samples, at
    which a perfect uniform sampler has a reverse KL of 0.0194 (that falls as 1 / samples).
    A classifier's mistakes turn a missed mode into a hit: so modes of five are counted too.

    Args:
      red, green, blue: (samples,) integers from 0 to classes - 1.
      classes: of one channel; there are classes^3 modes.

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
    held = conditional > 0  # 0 log 0 = 0, and where the marginal is 0 so is every row
    ratio = np.divide(conditional, marginal, out=np.ones_like(conditional), where=held)
    divergences = np.sum(conditional * np.log(ratio), axis=1)
    return float(np.exp(divergences.mean()))


def _checked_histograms(
    first_name: str, first: ArrayLike, second_name: str, second: ArrayLike
) -> tuple[Fractions, Fractions]:
    p = checked_fractions(first_name, first)
    q = checked_fractions(second_name, second)
    if len(p) != len(q):
        raise UserError(f"{first_name} has {len(p)} classes and {second_name} {len(q)}")
    return p, q
