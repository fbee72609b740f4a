"""What is scored of one set of images against another, and what each metric needs for it."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jax.typing import ArrayLike

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.data.gaussian_mixtures import MIXTURES
from jaxgan.evaluation import metric_table
from jaxgan.evaluation.metric_table import (
    KERNEL_SUBSETS,
    METRICS,
    Scores,
    SetPair,
    available_inputs,
    kernel_subset_size,
)
from jaxgan.metrics.feature_nets import FeatureNet, FeatureSet
from jaxgan.metrics.packaged_nets import NETS, load_features
from jaxgan.metrics.prdc import DENSITY_NEIGHBOUR, MANIFOLD_NEIGHBOUR
from jaxgan.types import PRNGKey

TAG = 8  # digits of a net's SHA-256 in the names of metrics


def feature_net_for(config: Config, features: str = "") -> FeatureNet:
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


def supported_metrics(
    asked: Iterable[str], chosen: tuple[str, ...], net: str, seen: FeatureSet
) -> tuple[str, ...]:
    """The chosen metrics that a net can give, of which `seen` is what it makes of examples.

    Raises:
      UserError: one that it cannot give was asked for by name.
    """
    given = available_inputs(seen)
    if impossible := [name for name in asked if METRICS[name].needs not in given]:
        first, needs = impossible[0], METRICS[impossible[0]].needs
        there = ", ".join(filter(None, given)) or "none"
        raise UserError(f"metric {first!r}: needs {needs}, and features {net!r} gives {there}")
    return tuple(name for name in chosen if METRICS[name].needs in given)


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
    sets = SetPair(net.extract(real), net.extract(fake), key)
    chosen = supported_metrics(asked, check_metrics(asked), net.name, sets.fake)
    check_count(chosen, len(sets.fake.features))
    return score(chosen, sets)


def score(metrics: Iterable[str], sets: SetPair) -> Scores:
    """The values of these metrics."""
    return {
        name: value for metric in metrics for name, value in METRICS[metric].score(sets).items()
    }


def metric_settings(num_samples: int) -> dict[str, Any]:
    """What the metrics themselves were told."""
    return {
        "kernel_subsets": KERNEL_SUBSETS,
        "kernel_subset_size": kernel_subset_size(num_samples),
        "manifold_neighbour": MANIFOLD_NEIGHBOUR,
        "density_neighbour": DENSITY_NEIGHBOUR,
    }


def metric_name(value: str, split: str, *, num_samples: int, net: FeatureNet) -> str:
    """A name that numbers share only if they can be compared."""
    pinned = "" if net.sha256 == net.name else f"-{net.sha256[:TAG]}"
    return f"{value}/{split}/n{num_samples}/{net.name}{pinned}"


REAL_BASELINE = "floor"  # how real images score against other real ones


def score_all(
    metrics: Iterable[str],
    real: Mapping[str, FeatureSet],
    floor: Mapping[str, FeatureSet],
    fakes: Mapping[str, FeatureSet],
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
    found: dict[str, Scores] = {who: {} for who in (*fakes, REAL_BASELINE)}
    times: dict[str, Scores] = {who: {} for who in fakes}
    for split in real:
        part = {}
        for who, fake in {**fakes, REAL_BASELINE: floor[split]}.items():
            tell(f"scoring {who} against {split}")
            part[who] = score(metrics, metric_table.SetPair(real[split], fake, key))
            found[who] |= {name(value, split): part[who][value] for value in part[who]}
        for who in fakes:
            over = ratios(metrics, part[who], part[REAL_BASELINE])
            times[who] |= {name(value, split): over[value] for value in over}
    return {"metrics": found, "ratios": times}


def ratios(metrics: Iterable[str], found: Scores, floor: Scores) -> Scores:
    """How many times its floor each distance is; infinite over a floor of zero."""
    names = [name for metric in metrics for name in metric_table.METRICS[metric].distances]
    return {name: found[name] / floor[name] if floor[name] else math.inf for name in names}


def histograms(metrics: Iterable[str], sets: Mapping[str, FeatureSet]) -> dict[str, list[float]]:
    """Fractions of each set in each class; of none where the histogram is not among the metrics."""
    wanted = "class_histogram" in metrics
    return {who: metric_table.histogram(images).tolist() for who, images in sets.items() if wanted}
