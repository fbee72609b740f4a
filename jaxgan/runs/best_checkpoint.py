"""The checkpoint with the lowest held-out distance so far: `<workdir>/best/<step>`.

The distance is stored inside the checkpoint, so that a kill cannot leave a state and a distance of
different steps. A run that is resumed from before its best step keeps that checkpoint, since it
will reach the same state again.
"""

import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.gan.state import TrainState
from jaxgan.runs import checkpoints, row_files
from jaxgan.runs.checkpoint_ref import distance_in, distance_label, distance_set
from jaxgan.runs.layout import BEST_CHECKPOINT

logger = logging.getLogger(__name__)


class ScoredStep(NamedTuple):
    """A step and its held-out distance.

    Attributes:
      name: of the metric, with split, number of samples and feature net.
    """

    step: int
    name: str
    value: float


class BestCheckpoint:
    """Keeps the state of the lowest held-out distance; open for writing.

    Only process 0 of a run has distances, and saves; in the others the methods do nothing.
    """

    def __init__(self, directory: Path, name: str = "", lowest: float = math.inf, step: int = -1):
        """Starts from the lowest distance so far.

        Args:
          name: of the distance's metric.
          step: of the checkpoint with that distance.
        """
        self.name, self.lowest = name, lowest
        self._step = step
        self._saved = checkpoints.Checkpoints(directory, keep=1)

    @classmethod
    def resume(
        cls,
        workdir: Path,
        name: str,
        template: TrainState,
        measure: Callable[[TrainState], float | None],
    ) -> "BestCheckpoint":
        """Reads the best checkpoint of a run so far; newer ones without a distance are set aside.

        Args:
          name: the metric; if the checkpoint was scored by another one, it is measured again.
          template: gives the state's structure, shapes and types.
          measure: returns the distance of a state.
        """
        directory = workdir / BEST_CHECKPOINT
        lowest, step = math.inf, -1
        best = read_best(directory)
        # `prepare_folder` keeps the newest one, and would remove the best if a damaged one stayed.
        checkpoints.set_aside_after(directory, best.step if best else -1)
        if best and (state := _restore_or_set_aside(directory, template, best.step)):
            step = best.step
            # Distances in other features, or of other numbers of samples, cannot be compared.
            value = best.value if best.name == name else measure(state)
            lowest = math.inf if value is None else value
        checkpoints.prepare_folder(directory, keep=1)
        return cls(directory, name, lowest, step)

    def update(self, state: TrainState, value: float | None) -> None:
        """Starts to save the state if its distance is the lowest."""
        if value is None or not value < self.lowest:
            return
        # A run that was resumed on another machine may have other bits at this step now.
        if int(state.step) == self._step:
            self._saved.delete(self._step)
        self.lowest, self._step = value, int(state.step)
        self._saved.save(checkpoints.flatten(state), {self.name: self.lowest})

    def wait(self) -> None:
        """Returns once the last save is on the disk."""
        self._saved.wait()

    def close(self) -> None:
        """Waits for the last save, and releases the folder."""
        self._saved.close()


def read_best(directory: Path) -> ScoredStep | None:
    """Returns step and distance of the newest checkpoint in a folder that has a distance."""
    for step in reversed(checkpoints.steps(directory)):
        for name, value in checkpoints.read_score(directory, step).items():
            return ScoredStep(step, name, value)
    return None


def last_distance(rows: Iterable[dict[str, Any]]) -> ScoredStep | None:
    """Returns the distance of the newest row that has one; NaN if it was not finite."""
    for row in reversed(list(rows)):
        if distance := distance_in(row):
            name, value = distance
            return ScoredStep(row["step"], name, math.nan if value is None else value)
    return None


def held_out_distances(workdir: Path) -> tuple[ScoredStep, ScoredStep] | None:
    """Returns the distances of a run's last evaluation and of its best checkpoint, or None."""
    last = last_distance(row_files.read_rows(workdir))
    best = read_best(workdir / BEST_CHECKPOINT)
    return (last, best) if last and best else None


def describe_distances(last: ScoredStep, best: ScoredStep) -> str:
    """Returns a sentence with a run's last and lowest distance to held-out images."""
    # A checkpoint keeps the name of its score, also if the run has changed its feature net.
    other = "" if last.name == best.name else f" ({best.name})"
    metric = f"{distance_label(last.name)} to {distance_set(last.name)} ({last.name})"
    return (
        f"{metric}: {last.value:.4g} at step {last.step}; "
        f"lowest {best.value:.4g} at step {best.step}{other}, in {BEST_CHECKPOINT}/, --step best"
    )


def _restore_or_set_aside(directory: Path, template: TrainState, step: int) -> TrainState | None:
    try:
        return checkpoints.restore(directory, template, step)
    # The run itself does not need its best checkpoint, so a damaged one must not stop it.
    except checkpoints.DamagedCheckpoint as error:
        logger.warning(f"{error}; set aside: the next evaluation saves a new best checkpoint")
        checkpoints.set_aside_after(directory, step - 1)
        return None
