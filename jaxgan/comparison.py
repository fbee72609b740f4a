"""Generators and the floor scored against each split of the data, and the ratio of the two."""

import math
from collections.abc import Callable, Iterable, Mapping

from jaxgan import scores
from jaxgan.metrics.features import Extracted
from jaxgan.scores import Scores
from jaxgan.types import PRNGKey

FLOOR = "floor"  # how real images score against other real ones


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
            part[who] = scores.score(metrics, scores.Sets(real[split], fake, key))
            found[who] |= {name(value, split): part[who][value] for value in part[who]}
        for who in fakes:
            over = ratios(metrics, part[who], part[FLOOR])
            times[who] |= {name(value, split): over[value] for value in over}
    return {"metrics": found, "ratios": times}


def ratios(metrics: Iterable[str], found: Scores, floor: Scores) -> Scores:
    """How many times its floor each distance is; infinite over a floor of zero."""
    names = [name for metric in metrics for name in scores.METRICS[metric].distances]
    return {name: found[name] / floor[name] if floor[name] else math.inf for name in names}


def histograms(metrics: Iterable[str], sets: Mapping[str, Extracted]) -> dict[str, list[float]]:
    """Fractions of each set in each class; of none where the histogram is not among the metrics."""
    wanted = "class_histogram" in metrics
    return {who: scores.histogram(images).tolist() for who, images in sets.items() if wanted}
