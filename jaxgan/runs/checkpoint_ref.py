"""Names one checkpoint of a run: "last", "best" or a step; "best" has the lowest distance."""

from collections.abc import Mapping
from typing import Any, Literal

from jaxgan.runs.layout import BEST_CHECKPOINT, CHECKPOINTS

CheckpointRef = Literal["last", "best"] | int
# By metric prefix. A row of points has both distances, and then the first one decides which
# checkpoint is best.
DISTANCES = {
    "eval/mode_distance/test/": "total variation distance of the modes",
    "eval/frechet/test/": "Fréchet distance",
    "eval/frechet/train/": "Fréchet distance",  # of a run without held-out images
}


def checkpoint_folder(ref: CheckpointRef) -> str:
    """Returns the name of the folder that holds the checkpoint, within the run directory."""
    return BEST_CHECKPOINT if ref == "best" else CHECKPOINTS


def evaluation_file(ref: CheckpointRef) -> str:
    """Returns the name of the file with the evaluation of a checkpoint.

    Evaluations of different checkpoints do not replace each other.
    """
    return "evaluation.json" if ref == "last" else f"evaluation_{ref}.json"


def distance_in(row: Mapping[str, Any]) -> tuple[str, float | None] | None:
    """Returns name and value of the distance in a metrics row that selects the best, or None."""
    # Prefixes in the outer loop, so that their order decides and not that of the row.
    matches = ((name, row[name]) for prefix in DISTANCES for name in row if name.startswith(prefix))
    return next(matches, None)


def distance_label(name: str) -> str:
    """Returns the plain name of a distance metric."""
    return next(label for prefix, label in DISTANCES.items() if name.startswith(prefix))


def distance_set(name: str) -> str:
    """Returns the plain name of the set that a distance metric compares with."""
    return "the test set" if name.split("/")[2] == "test" else "the training set"
