"""What is scored of one set of images against another, and what each metric needs for it."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from jaxgan.config import UserError
from jaxgan.metrics import (
    Overlap,
    class_histogram,
    classifier_score,
    frechet_distance,
    kernel_distance,
    overlap,
    total_variation,
)
from jaxgan.metrics.features import Extracted, FeatureNet
from jaxgan.metrics.neighbours import DENSITY_NEIGHBOUR, MANIFOLD_NEIGHBOUR
from jaxgan.types import PRNGKey

KERNEL_SUBSETS = 100
KERNEL_SUBSET_SIZE = 1000  # as torch-fidelity's; of smaller sets, half
TAG = 8  # digits of a net's SHA-256 in the names of metrics
SCORE_SPLITS = 10  # torch-fidelity's; TF-GAN has one
FLOOR = "floor"  # how real images score against other real ones

Scores = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Sets:
    """Two sets of as many images, as one net sees them; `key` draws the kernel's subsets."""

    real: Extracted
    fake: Extracted
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
      needs_classes: whether the net must be a classifier.
      distances: the values that are zero for equal distributions and never negative, so that
        their ratio to the floor says how far off a set is.
    """

    score: Callable[[Sets], Scores]
    at_least: int
    needs_classes: bool = False
    distances: tuple[str, ...] = ()


def check_metrics(names: Iterable[str], num_samples: int) -> tuple[str, ...]:
    """The metrics of these names, or all; refused if unknown or in want of more samples."""
    chosen = tuple(dict.fromkeys(names)) or tuple(METRICS)
    if unknown := [name for name in chosen if name not in METRICS]:
        raise UserError(f"unknown metric {unknown[0]!r}; known: {', '.join(METRICS)}")
    for name in sorted(chosen, key=lambda name: -METRICS[name].at_least):
        if num_samples < (low := METRICS[name].at_least):
            raise UserError(f"num_samples = {num_samples}: {name} needs at least {low}")
    return chosen


def without_classes(asked: Iterable[str], chosen: tuple[str, ...], net: str) -> tuple[str, ...]:
    """The chosen metrics that a net without class probabilities can give.

    Raises:
      UserError: one that it cannot give was asked for by name.
    """
    if impossible := [name for name in asked if METRICS[name].needs_classes]:
        raise UserError(
            f"metric {impossible[0]!r}: needs class probabilities, and features {net!r} gives none"
        )
    return tuple(name for name in chosen if not METRICS[name].needs_classes)


def score(metrics: Iterable[str], sets: Sets) -> Scores:
    """The values of these metrics."""
    return {
        name: value for metric in metrics for name, value in METRICS[metric].score(sets).items()
    }


def compare(
    metrics: Iterable[str],
    real: Mapping[str, Extracted],
    floor: Mapping[str, Extracted],
    fakes: Mapping[str, Extracted],
    key: PRNGKey,
    name: Callable[[str, str], str],
    tell: Callable[[str], object],
) -> dict[str, dict[str, Scores]]:
    """Scores of each generator and of the floor against each split, and ratios of the two.

    Args:
      real: by split, the images to score against.
      floor: by split, other real images.
      fakes: by generator.
      name: of a value and a split, in the result.
      tell: is told what is being scored.
    """
    metrics = tuple(metrics)
    found: dict[str, Scores] = {who: {} for who in (*fakes, FLOOR)}
    times: dict[str, Scores] = {who: {} for who in fakes}
    for split in real:
        part = {}
        for who, fake in {**fakes, FLOOR: floor[split]}.items():
            tell(f"scoring {who} against {split}")
            part[who] = score(metrics, Sets(real[split], fake, key))
            found[who] |= {name(value, split): part[who][value] for value in part[who]}
        for who in fakes:
            over = ratios(metrics, part[who], part[FLOOR])
            times[who] |= {name(value, split): over[value] for value in over}
    return {"metrics": found, "ratios": times}


def ratios(metrics: Iterable[str], scores: Scores, floor: Scores) -> Scores:
    """How many times its floor each distance is; infinite over a floor of zero."""
    names = [name for metric in metrics for name in METRICS[metric].distances]
    return {name: scores[name] / floor[name] if floor[name] else math.inf for name in names}


def histograms(metrics: Iterable[str], sets: Mapping[str, Extracted]) -> dict[str, list[float]]:
    """Fractions of each set in each class; of none where the histogram is not among the metrics."""
    wanted = "class_histogram" in metrics
    return {who: histogram(images).tolist() for who, images in sets.items() if wanted}


def settings(num_samples: int) -> dict[str, Any]:
    """What the metrics themselves were told."""
    return {
        "kernel_subsets": KERNEL_SUBSETS,
        "kernel_subset_size": kernel_subset_size(num_samples),
        "manifold_neighbour": MANIFOLD_NEIGHBOUR,
        "density_neighbour": DENSITY_NEIGHBOUR,
    }


def histogram(images: Extracted) -> np.ndarray:
    """Fraction of the images in each class: the likeliest one, in the net's eyes."""
    probabilities = _probabilities(images)
    labels = np.argmax(probabilities, axis=1)
    return class_histogram(labels, probabilities.shape[1])


def kernel_subset_size(num_samples: int) -> int:
    """At most half a set, so that subsets differ and their spread says something."""
    return min(KERNEL_SUBSET_SIZE, num_samples // 2)


def metric_name(value: str, split: str, *, num_samples: int, net: FeatureNet) -> str:
    """A name that numbers share only if they can be compared."""
    pinned = "" if net.sha256 == net.name else f"-{net.sha256[:TAG]}"
    return f"{value}/{split}/n{num_samples}/{net.name}{pinned}"


def strict(value: Any) -> Any:
    """The same with null for NaN and infinity, for which JSON has no words."""
    if isinstance(value, dict):
        return {name: strict(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [strict(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def frechet(sets: Sets) -> Scores:
    return {"frechet": frechet_distance(sets.real.features, sets.fake.features)}


def kernel(sets: Sets) -> Scores:
    size = kernel_subset_size(len(sets.fake.features))
    real, fake = sets.real.features, sets.fake.features
    distance = kernel_distance(real, fake, sets.key, KERNEL_SUBSETS, size)
    return {"kernel": distance.mean, "kernel_spread": distance.std}


def fidelity_by_manifold(sets: Sets) -> Scores:
    pair = sets.overlap.manifolds
    return {"precision": pair.precision, "recall": pair.recall}


def fidelity_by_density(sets: Sets) -> Scores:
    pair = sets.overlap.neighbourhoods
    return {"density": pair.density, "coverage": pair.coverage}


def score_of_classes(sets: Sets) -> Scores:
    """Of the fakes alone: the real set plays no part."""
    whole = classifier_score(_probabilities(sets.fake))
    parts = classifier_score(_probabilities(sets.fake), SCORE_SPLITS)
    return {
        "classifier_score": whole.mean,
        f"classifier_score_{SCORE_SPLITS}": parts.mean,
        f"classifier_score_{SCORE_SPLITS}_spread": parts.std,
    }


def histogram_distance(sets: Sets) -> Scores:
    """Both histograms are of the net's classes, so that its mistakes are in both."""
    return {"class_distance": total_variation(histogram(sets.real), histogram(sets.fake))}


def _probabilities(images: Extracted) -> np.ndarray:
    if images.probabilities is None:
        raise UserError("this metric needs class probabilities, and the feature net gives none")
    return images.probabilities


METRICS = {
    "frechet": Metric(frechet, at_least=2, distances=("frechet",)),
    "kernel": Metric(kernel, at_least=4),  # unbiased: its floor is zero give or take the spread
    # One walk gives this and the next, so it wants the samples of both.
    "precision_recall": Metric(fidelity_by_manifold, at_least=DENSITY_NEIGHBOUR + 1),
    "density_coverage": Metric(fidelity_by_density, at_least=DENSITY_NEIGHBOUR + 1),
    "classifier_score": Metric(score_of_classes, at_least=SCORE_SPLITS, needs_classes=True),
    "class_histogram": Metric(
        histogram_distance, at_least=1, needs_classes=True, distances=("class_distance",)
    ),
}
