"""What is scored of one set of images against another, and what each metric needs for it."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from jax.typing import ArrayLike

from jaxgan.config import Config, UserError
from jaxgan.data.mixtures import MIXTURES
from jaxgan.metrics import (
    Overlap,
    class_histogram,
    classifier_score,
    frechet_distance,
    kernel_distance,
    overlap,
    total_variation,
)
from jaxgan.metrics.features import NETS, Extracted, FeatureNet, load_features
from jaxgan.metrics.neighbours import DENSITY_NEIGHBOUR, MANIFOLD_NEIGHBOUR
from jaxgan.types import PRNGKey

KERNEL_SUBSETS = 100
KERNEL_SUBSET_SIZE = 1000  # as torch-fidelity's; of smaller sets, half
TAG = 8  # digits of a net's SHA-256 in the names of metrics
SCORE_SPLITS = 10  # torch-fidelity's; TF-GAN has one
CLASSES, MODES = "class probabilities", "modes"  # the latter instead of the former
LABELS = "labels that a class-conditional generator was asked for"

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
      needs: what the net must give besides features: one of CLASSES, MODES, LABELS, or nothing.
      distances: the values that are zero for equal distributions and never negative, so that
        their ratio to the floor says how far off a set is.
    """

    score: Callable[[Sets], Scores]
    at_least: int
    needs: str = ""
    distances: tuple[str, ...] = ()


def net_of(config: Config, features: str = "") -> FeatureNet:
    """The feature net of this name, else the one that the config names, else its data set's own.

    Raises:
      UserError: there is none, or it has the modes of other points.
    """
    data = config.data.name
    name = features or config.evaluate.features or data
    if name == data and name not in NETS:
        raise UserError(
            f"features: there is no net for the data set {name!r}; name one of "
            f"{', '.join(NETS)}, or a function of your own as package.module:function"
        )
    if name in MIXTURES and name != data:
        raise UserError(f"features {name!r}: the modes of another set than the run's {data!r}")
    return load_features(name)


def check_metrics(names: Iterable[str]) -> tuple[str, ...]:
    """The metrics of these names, or all; refused if unknown."""
    chosen = tuple(dict.fromkeys(names)) or tuple(METRICS)
    if unknown := [name for name in chosen if name not in METRICS]:
        raise UserError(f"unknown metric {unknown[0]!r}; known: {', '.join(METRICS)}")
    return chosen


def check_count(chosen: tuple[str, ...], num_samples: int) -> None:
    """Refuses metrics that are in want of more samples."""
    for name in sorted(chosen, key=lambda name: -METRICS[name].at_least):
        if num_samples < (low := METRICS[name].at_least):
            raise UserError(f"num_samples = {num_samples}: {name} needs at least {low}")


def possible(
    asked: Iterable[str], chosen: tuple[str, ...], net: str, seen: Extracted
) -> tuple[str, ...]:
    """The chosen metrics that a net can give, of which `seen` is what it makes of examples.

    Raises:
      UserError: one that it cannot give was asked for by name.
    """
    given = _given(seen)
    if impossible := [name for name in asked if METRICS[name].needs not in given]:
        first, needs = impossible[0], METRICS[impossible[0]].needs
        there = ", ".join(filter(None, given)) or "none"
        raise UserError(f"metric {first!r}: needs {needs}, and features {net!r} gives {there}")
    return tuple(name for name in chosen if METRICS[name].needs in given)


def _given(seen: Extracted) -> tuple[str, ...]:
    """What there is of that which metrics may need besides features."""
    if seen.modes is not None:
        return ("", MODES)
    if seen.probabilities is None:
        return ("",)
    return ("", CLASSES) if seen.labels is None else ("", CLASSES, LABELS)


def score_examples(
    net: FeatureNet, real: ArrayLike, fake: ArrayLike, key: PRNGKey, metrics: Iterable[str] = ()
) -> Scores:
    """The values of these metrics, or of all that the net allows, for arrays of examples.

    Args:
      real, fake: as many of each, uint8 (n, height, width, channels) or float32 (n, dims).
      key: of the kernel distance's subsets.

    Raises:
      UserError: unknown metrics, ones that the net cannot give, or too few examples.
    """
    asked = tuple(metrics)
    sets = Sets(net.extract(real), net.extract(fake), key)
    chosen = possible(asked, check_metrics(asked), net.name, sets.fake)
    check_count(chosen, len(sets.fake.features))
    return score(chosen, sets)


def score(metrics: Iterable[str], sets: Sets) -> Scores:
    """The values of these metrics."""
    return {
        name: value for metric in metrics for name, value in METRICS[metric].score(sets).items()
    }


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
    return class_histogram(np.argmax(probabilities, axis=1), probabilities.shape[1])


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
    real, fake = sets.real.features, sets.fake.features
    distance = kernel_distance(real, fake, sets.key, KERNEL_SUBSETS, kernel_subset_size(len(fake)))
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


def label_accuracy(sets: Sets) -> Scores:
    """Fraction of the fakes in the class of their label, in the net's eyes; of these alone."""
    found = np.argmax(_probabilities(sets.fake), axis=1)
    return {"label_accuracy": float(np.mean(found == np.asarray(sets.fake.labels)))}


def modes_reached(sets: Sets) -> Scores:
    return dict(sets.fake.modes or {})


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
    "classifier_score": Metric(score_of_classes, at_least=SCORE_SPLITS, needs=CLASSES),
    "class_histogram": Metric(histogram_distance, 1, CLASSES, ("class_distance",)),
    "label_accuracy": Metric(label_accuracy, at_least=1, needs=LABELS),
    "modes": Metric(modes_reached, at_least=1, needs=MODES, distances=("reverse_kl",)),
}
