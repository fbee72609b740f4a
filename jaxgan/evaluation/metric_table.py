"""The metrics that an evaluation computes: one table line each."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.metrics import (
    Overlap,
    class_histogram,
    classifier_score,
    frechet_distance,
    kernel_distance,
    overlap,
    total_variation,
)
from jaxgan.metrics.feature_nets import FeatureSet
from jaxgan.metrics.prdc import DENSITY_NEIGHBOUR
from jaxgan.types import PRNGKey

KERNEL_SUBSETS = 100
KERNEL_SUBSET_SIZE = 1000  # as torch-fidelity's; of smaller sets, half
SCORE_SPLITS = 10  # torch-fidelity's; TF-GAN has one
CLASSES, MODES = "class probabilities", "modes"  # the latter instead of the former
LABELS = "labels that a class-conditional generator was asked for"
Scores = dict[str, float]


@dataclasses.dataclass(frozen=True)
class SetPair:
    """Two sets of as many images, as one net sees them; `key` draws the kernel's subsets."""

    real: FeatureSet
    fake: FeatureSet
    key: PRNGKey

    @functools.cached_property
    def overlap(self) -> Overlap:
        return overlap(self.real.neighbourhoods, self.fake.neighbourhoods)


@dataclasses.dataclass(frozen=True)
class Metric:
    """One line of METRICS.

    Attributes:
      score: the values, by name.
      at_least: images that a set must have.
      needs: what the net must give besides features: one of CLASSES, MODES, LABELS, or nothing.
      distances: the values that are zero for equal distributions and never negative, so that
        their ratio to the floor says how far off a set is.
    """

    score: Callable[[SetPair], Scores]
    at_least: int
    needs: str = ""
    distances: tuple[str, ...] = ()


def available_inputs(seen: FeatureSet) -> tuple[str, ...]:
    """What there is of that which metrics may need besides features."""
    if seen.modes is not None:
        return ("", MODES)
    if seen.probabilities is None:
        return ("",)
    return ("", CLASSES) if seen.labels is None else ("", CLASSES, LABELS)


def histogram(images: FeatureSet) -> np.ndarray:
    """Fraction of the images in each class: the likeliest one, in the net's eyes."""
    probabilities = _probabilities(images)
    return class_histogram(np.argmax(probabilities, axis=1), probabilities.shape[1])


def kernel_subset_size(num_samples: int) -> int:
    """At most half a set, so that subsets differ and their spread says something."""
    return min(KERNEL_SUBSET_SIZE, num_samples // 2)


def frechet(sets: SetPair) -> Scores:
    return {"frechet": frechet_distance(sets.real.features, sets.fake.features)}


def kernel(sets: SetPair) -> Scores:
    real, fake = sets.real.features, sets.fake.features
    distance = kernel_distance(real, fake, sets.key, KERNEL_SUBSETS, kernel_subset_size(len(fake)))
    return {"kernel": distance.mean, "kernel_spread": distance.std}


def fidelity_by_manifold(sets: SetPair) -> Scores:
    pair = sets.overlap.manifolds
    return {"precision": pair.precision, "recall": pair.recall}


def fidelity_by_density(sets: SetPair) -> Scores:
    pair = sets.overlap.neighbourhoods
    return {"density": pair.density, "coverage": pair.coverage}


def score_of_classes(sets: SetPair) -> Scores:
    """Of the fakes alone: the real set plays no part."""
    whole = classifier_score(_probabilities(sets.fake))
    parts = classifier_score(_probabilities(sets.fake), SCORE_SPLITS)
    return {
        "classifier_score": whole.mean,
        f"classifier_score_{SCORE_SPLITS}": parts.mean,
        f"classifier_score_{SCORE_SPLITS}_spread": parts.std,
    }


def histogram_distance(sets: SetPair) -> Scores:
    """Both histograms are of the net's classes, so that its mistakes are in both."""
    return {"class_distance": total_variation(histogram(sets.real), histogram(sets.fake))}


def label_accuracy(sets: SetPair) -> Scores:
    """Fraction of the fakes in the class of their label, in the net's eyes; of these alone."""
    found = np.argmax(_probabilities(sets.fake), axis=1)
    return {"label_accuracy": float(np.mean(found == np.asarray(sets.fake.labels)))}


def modes_reached(sets: SetPair) -> Scores:
    return dict(sets.fake.modes or {})


def _probabilities(images: FeatureSet) -> np.ndarray:
    if images.probabilities is None:
        raise UserError("this metric needs class probabilities, and the feature net gives none")
    return images.probabilities


METRICS = {
    "frechet": Metric(frechet, at_least=2, distances=("frechet",)),
    "kernel": Metric(kernel, at_least=4),  # unbiased: its floor is zero give or take the spread
    # One walk gives this and the next, so it wants the samples of both.
    "precision_recall": Metric(fidelity_by_manifold, at_least=DENSITY_NEIGHBOUR + 1),
    "density_coverage": Metric(fidelity_by_density, at_least=DENSITY_NEIGHBOUR + 1),
    "classifier_score": Metric(score_of_classes, at_least=SCORE_SPLITS, needs=CLASSES),
    "class_histogram": Metric(histogram_distance, 1, CLASSES, ("class_distance",)),
    "label_accuracy": Metric(label_accuracy, at_least=1, needs=LABELS),
    "modes": Metric(modes_reached, at_least=1, needs=MODES, distances=("reverse_kl",)),
}
