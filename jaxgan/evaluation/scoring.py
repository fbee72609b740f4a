"""Scores of image sets: metrics chosen for a feature net, and computed beside the real baseline."""

import logging
import math
from collections.abc import Iterable, Mapping
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.data.gaussian_mixtures import MIXTURES
from jaxgan.evaluation import metric_table
from jaxgan.evaluation.metric_table import METRICS, Scores, SetPair
from jaxgan.metrics import FeatureNet, FeatureSet, load_features
from jaxgan.metrics.packaged_nets import COLOUR, NETS
from jaxgan.metrics.prdc import DENSITY_NEIGHBOUR, MANIFOLD_NEIGHBOUR
from jaxgan.types import PRNGKey

logger = logging.getLogger(__name__)
# The key of the real images' scores in evaluation.json; files of earlier versions have it too.
REAL_BASELINE = "floor"


def score(metrics: Iterable[str], sets: SetPair) -> Scores:
    """Returns the values of these metrics; one metric may have several."""
    return {name: value for key in metrics for name, value in METRICS[key].score(sets).items()}


def score_with_baseline(
    metrics: tuple[str, ...],
    net: FeatureNet,
    real: Mapping[str, FeatureSet],
    baseline: Mapping[str, FeatureSet],
    fakes: Mapping[str, FeatureSet],
    key: PRNGKey,
) -> dict[str, dict[str, Scores]]:
    """Scores each generator, and other real images, against each split.

    Args:
      real: by split, the real images to score against.
      baseline: by split, other real images, scored in place of generated ones; a split without
        them has no ratios.
      fakes: generated images by generator.
      key: draws the kernel distance's subsets.

    Returns:
      "metrics", by generator and for REAL_BASELINE, and "ratios" of the two, by generator. Values
      are named by `metric_name`.
    """
    names = (*fakes, REAL_BASELINE) if baseline else tuple(fakes)
    scores: dict[str, Scores] = {name: {} for name in names}
    ratios: dict[str, Scores] = {name: {} for name in fakes}
    for split in real:
        by_set = {}
        others = {REAL_BASELINE: baseline[split]} if split in baseline else {}
        for name, images in {**fakes, **others}.items():
            logger.info(f"scoring {set_label(name)} against {split}")
            by_set[name] = score(metrics, SetPair(real[split], images, key))
            scores[name] |= _rename(by_set[name], split, len(images.features), net)
        for name, images in fakes.items() if others else ():
            ratio = baseline_ratios(metrics, by_set[name], by_set[REAL_BASELINE])
            ratios[name] |= _rename(ratio, split, len(images.features), net)
    return {"metrics": scores, "ratios": ratios}


def baseline_ratios(metrics: Iterable[str], scores: Scores, baseline: Scores) -> Scores:
    """Divides each distance by its real baseline; the ratio to a baseline of 0 is infinite."""
    names = [name for metric in metrics for name in METRICS[metric].distances]
    return {name: scores[name] / baseline[name] if baseline[name] else math.inf for name in names}


def set_label(name: str) -> str:
    """Returns what people read for a key of "metrics"."""
    return "real baseline" if name == REAL_BASELINE else name


def histograms(metrics: Iterable[str], sets: Mapping[str, FeatureSet]) -> dict[str, list[float]]:
    """Returns class fractions by set, or nothing if "class_histogram" is not among the metrics."""
    if "class_histogram" not in metrics:
        return {}
    return {name: metric_table.histogram(images).tolist() for name, images in sets.items()}


def metric_name(value: str, split: str, *, num_samples: int, net: FeatureNet) -> str:
    """Returns a name that two numbers share only if they can be compared."""
    # A function of the user's own has no file of weights, and its name stands for both.
    pinned = "" if net.sha256 == net.name else f"-{net.sha256[:8]}"
    return f"{value}/{split}/n{num_samples}/{net.name}{pinned}"


def metric_settings(num_samples: int) -> dict[str, Any]:
    """Returns the parameters of the metrics, for the protocol."""
    return {
        "kernel_subsets": metric_table.KERNEL_SUBSETS,
        "kernel_subset_size": metric_table.kernel_subset_size(num_samples),
        "manifold_neighbour": MANIFOLD_NEIGHBOUR,
        "density_neighbour": DENSITY_NEIGHBOUR,
    }


def feature_net_for(config: Config, features: str = "") -> FeatureNet:
    """Loads the net `features`, else the one in the config, else that of the data set.

    A data set without a net of its own has that for any images.

    Raises:
      UserError: there is no such net, or it counts the modes of another data set.
    """
    data = config.data.name
    name = features or config.evaluate.features or data
    if name == data and name not in NETS:
        name = COLOUR
    # It would run, and count how often samples meet the modes of other data.
    if name in MIXTURES and name != data:
        raise UserError(f"features {name!r}: the modes of another set than the run's {data!r}")
    return load_features(name)


def select_metrics(names: Iterable[str], net: str, example: FeatureSet) -> tuple[str, ...]:
    """Returns the metrics to compute: those named, or if there are none all that are supported.

    Args:
      names: metrics that the user asked for.
      net: name of the feature net, for the error message.
      example: what the net gives for some examples.

    Raises:
      UserError: a named metric is unknown, or needs what the net does not give.
    """
    # A metric that is named twice is computed once, at its first place.
    names = tuple(dict.fromkeys(names))
    check_metric_names(names)
    supported = supported_metrics(names or METRICS, example)
    if refused := [name for name in names if name not in supported]:
        needs = METRICS[refused[0]].needs
        given = ", ".join(filter(None, metric_table.available_inputs(example))) or "none"
        raise UserError(f"metric {refused[0]!r}: needs {needs}, and features {net!r} gives {given}")
    return supported


def supported_metrics(names: Iterable[str], example: FeatureSet) -> tuple[str, ...]:
    """Returns those of the metrics that can be computed from what a feature net gives."""
    inputs = metric_table.available_inputs(example)
    return tuple(name for name in names if METRICS[name].needs in inputs)


def check_metric_names(names: Iterable[str]) -> None:
    if unknown := [name for name in names if name not in METRICS]:
        raise UserError(f"unknown metric {unknown[0]!r}; known: {', '.join(METRICS)}")


def check_sample_count(metrics: Iterable[str], num_samples: int) -> None:
    """Refuses sets that are too small for one of the metrics."""
    # The most demanding metric, so that one correction satisfies them all.
    name = max(metrics, key=lambda name: METRICS[name].at_least)
    if num_samples < (least := METRICS[name].at_least):
        raise UserError(f"num_samples = {num_samples}: {name} needs at least {least}")


def _rename(scores: Scores, split: str, num_samples: int, net: FeatureNet) -> Scores:
    return {
        metric_name(name, split, num_samples=num_samples, net=net): value
        for name, value in scores.items()
    }
