"""Which checkpoint of a run is meant: that of a step, the last, or the best; and what best is."""

from collections.abc import Mapping
from typing import Any

from jaxgan.runs.layout import BEST_CHECKPOINT, CHECKPOINTS

LAST, BEST = -1, -2  # in place of a step: the newest, that of the lowest held-out distance
NAMES = {"last": LAST, "best": BEST}
EVALUATION = "evaluation.json"
DISTANCES = {  # as their names begin in a row; the best is chosen by the first that a row has
    "eval/mode_distance/test/": "distance of the modes",
    "eval/frechet/test/": "Fréchet distance",
}


def checkpoint_folder(step: int) -> str:
    """Of a run directory, that which the checkpoint is in."""
    return BEST_CHECKPOINT if step == BEST else CHECKPOINTS


def evaluation_file(step: int) -> str:
    """The last checkpoint's has the plain name; those of others do not replace it."""
    if step == LAST:
        return EVALUATION
    return EVALUATION.replace(".", "_best." if step == BEST else f"_{step}.")


def distance_in(row: Mapping[str, Any]) -> tuple[str, float | None] | None:
    """The held-out distance of an epoch's row, if it was measured: its name and value."""
    found = ((name, row[name]) for start in DISTANCES for name in row if name.startswith(start))
    return next(found, None)


def distance_label(name: str) -> str:
    """What a distance is called, without what it depends on."""
    return next(words for start, words in DISTANCES.items() if name.startswith(start))
