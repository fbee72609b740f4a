"""The table of metrics that an evaluation can compute, one function and one line for each."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from jaxgan import metrics
from jaxgan.config.errors import UserError
from jaxgan.metrics.prdc import DENSITY_NEIGHBOUR
from jaxgan.types import PRNGKey

# These three are the defaults of torch-fidelity; TF-GAN has one split.
KERNEL_SUBSETS = 100
KERNEL_SUBSET_SIZE = 1000
SCORE_SPLITS = 10
CLASSES, MODES = "class probabilities", "modes"
LABELS = "labels that a class-conditional generator was asked for, of classes that the net knows"
Scores = dict[str, float]


@dataclasses.dataclass(frozen=True)
class SetPair:
    """Two sets of equally many images, as features; `key` draws the kernel distance's subsets."""

    real: metrics.FeatureSet
    fake: metrics.FeatureSet
    key: PRNGKey

    # Cached, because two metrics use it and the neighbour search is slow.
    @functools.cached_property
    def prdc(self) -> metrics.PRDC:
        return metrics.compute_prdc(self.real.neighbourhoods, self.fake.neighbourhoods)


@dataclasses.dataclass(frozen=True)
class Metric:
    """One line of METRICS.

    Attributes:
      score: computes the metric's values, by name.
      at_least: smallest number of images in a set.
      needs: what the feature net must give besides features: CLASSES, MODES, LABELS, or "".
      distances: names of the values that are never negative and 0 for equal distributions, so
        that their ratio to the real baseline has a meaning.
    """

    score: Callable[[SetPair], Scores]
    at_least: int
    needs: str = ""
    distances: tuple[str, ...] = ()


def available_inputs(images: metrics.FeatureSet) -> tuple[str, ...]:
    """Returns the values of `Metric.needs` that these images satisfy."""
    if images.modes is not None:
        return ("", MODES)
    if images.probabilities is None:
        return ("",)
    return ("", CLASSES) if images.labels is None else ("", CLASSES, LABELS)


def histogram(images: metrics.FeatureSet) -> np.ndarray:
    """Returns the fraction of the images in each class, as the net classifies them."""
    probabilities = _probabilities(images)
    return metrics.class_histogram(np.argmax(probabilities, axis=1), probabilities.shape[1])


def kernel_subset_size(num_samples: int) -> int:
    """Returns at most half of a set, so that subsets differ and their spread has a meaning."""
    return min(KERNEL_SUBSET_SIZE, num_samples // 2)


def frechet(sets: SetPair) -> Scores:
    return {"frechet": metrics.frechet_distance(sets.real.features, sets.fake.features)}


def kernel(sets: SetPair) -> Scores:
    real, fake = sets.real.features, sets.fake.features
    distance = metrics.kernel_distance(
        real, fake, sets.key, KERNEL_SUBSETS, kernel_subset_size(len(fake))
    )
    return {"kernel": distance.mean, "kernel_spread": distance.std}


def precision_recall(sets: SetPair) -> Scores:
    return {"precision": sets.prdc.precision, "recall": sets.prdc.recall}


def density_coverage(sets: SetPair) -> Scores:
    return {"density": sets.prdc.density, "coverage": sets.prdc.coverage}


def classifier_scores(sets: SetPair) -> Scores:
    """Scores the fakes alone; the real set plays no part."""
    unsplit = metrics.classifier_score(_probabilities(sets.fake))
    split = metrics.classifier_score(_probabilities(sets.fake), SCORE_SPLITS)
    return {
        "classifier_score": unsplit.mean,
        f"classifier_score_{SCORE_SPLITS}": split.mean,
        f"classifier_score_{SCORE_SPLITS}_spread": split.std,
    }


def class_distance(sets: SetPair) -> Scores:
    """Compares predicted classes of both sets, so that the net's mistakes are in both."""
    return {"class_distance": metrics.total_variation(histogram(sets.real), histogram(sets.fake))}


def label_accuracy(sets: SetPair) -> Scores:
    """Returns the fraction of the fakes that the net classifies as their label."""
    predicted = np.argmax(_probabilities(sets.fake), axis=1)
    return {"label_accuracy": float(np.mean(predicted == np.asarray(sets.fake.labels)))}


def modes(sets: SetPair) -> Scores:
    """Returns what the fakes alone reach of a benchmark's modes."""
    return dict(sets.fake.modes or {})


def _probabilities(images: metrics.FeatureSet) -> np.ndarray:
    if images.probabilities is None:
        raise UserError("this metric needs class probabilities, and the feature net gives none")
    return images.probabilities


METRICS = {
    # A covariance needs two samples.
    "frechet": Metric(frechet, at_least=2, distances=("frechet",)),
    # Unbiased, so its real baseline is near zero and a ratio to it means nothing. The unbiased
    # estimate needs two samples in a subset, which is half of a set.
    "kernel": Metric(kernel, at_least=4),
    # Both come from one computation, so either needs the samples of both.
    "precision_recall": Metric(precision_recall, at_least=DENSITY_NEIGHBOUR + 1),
    "density_coverage": Metric(density_coverage, at_least=DENSITY_NEIGHBOUR + 1),
    "classifier_score": Metric(classifier_scores, at_least=SCORE_SPLITS, needs=CLASSES),
    "class_histogram": Metric(class_distance, 1, CLASSES, ("class_distance",)),
    "label_accuracy": Metric(label_accuracy, at_least=1, needs=LABELS),
    "modes": Metric(modes, at_least=1, needs=MODES, distances=("reverse_kl",)),
}
