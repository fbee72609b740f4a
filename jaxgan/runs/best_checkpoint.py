"""The checkpoint of the lowest held-out distance so far, `<workdir>/best/<step>`, with its score.

The score is within the checkpoint, so that the two are never of different steps, whenever a run
was killed. What was the best stays the best when a run is resumed from before it: the run will
come to the same bits again.
"""

import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.config.errors import UserError
from jaxgan.gan.state import TrainState
from jaxgan.parallel.process_group import from_primary
from jaxgan.runs import checkpoint_ref, checkpoints, layout, metrics_log

logger = logging.getLogger(__name__)


class ScoredStep(NamedTuple):
    step: int
    name: str  # with N, split and feature net
    value: float


class BestCheckpoint:
    """Keeps the state of the lowest held-out distance; open for writing.

    Every process of a run calls the same methods; process 0 decides, since it alone evaluates.
    """

    def __init__(self, directory: Path, name: str = "", lowest: float = math.inf, step: int = -1):
        """Starts from the lowest distance so far, of the protocol `name`, and its step."""
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
        """Finds the best checkpoint of a run, and sets aside those that have no valid score.

        The state is measured again where its score is of another protocol than `name`.
        """
        directory = workdir / layout.BEST_CHECKPOINT
        lowest, step = math.inf, -1
        found = read_best(directory)
        checkpoints.set_aside_after(directory, found.step if found else -1)
        if found and (state := _restore_valid(directory, template, found.step)):
            step = found.step
            value = found.value if found.name == name else measure(state)
            lowest = math.inf if value is None else value
        checkpoints.prepare_folder(directory, keep=1)
        return cls(directory, name, lowest, step)

    def update(self, state: TrainState, value: float | None) -> None:
        """Starts to save the state if its distance is the lowest; collective."""
        is_lowest = value is not None and value < self.lowest
        is_lowest, replaces = from_primary([is_lowest, int(state.step) == self._step])
        if not is_lowest:
            return
        self.lowest = math.inf if value is None else value
        self._step = int(state.step)
        if replaces:  # a run that was resumed on another machine may have other bits now
            self._saved.delete(self._step)
        self._saved.save(checkpoints.flatten(state), {self.name: self.lowest})

    def wait(self) -> None:
        self._saved.wait()

    def close(self) -> None:
        self._saved.close()


def read_best(directory: Path) -> ScoredStep | None:
    """The newest checkpoint of a folder of best ones, with its score; None where there is none."""
    for step in reversed(checkpoints.steps(directory)):
        score = checkpoints.read_score(directory, step)
        for name, value in score.items():
            return ScoredStep(step, name, value)
    return None


def last_distance(rows: Iterable[dict[str, Any]]) -> ScoredStep | None:
    """The distance in the newest row that has one."""
    for row in reversed(list(rows)):
        if found := checkpoint_ref.distance_in(row):
            name, value = found
            return ScoredStep(row["step"], name, math.nan if value is None else value)
    return None


def held_out_distances(workdir: Path) -> tuple[ScoredStep, ScoredStep] | None:
    """The held-out distances at a run's last evaluation and of its best state, if there are any."""
    last = last_distance(metrics_log.read_rows(workdir))
    best = read_best(workdir / layout.BEST_CHECKPOINT)
    return (last, best) if last and best else None


def describe_distances(last: ScoredStep, best: ScoredStep) -> str:
    """Where a run ended, and where it was nearest to examples that it never saw."""
    other = "" if last.name == best.name else f" ({best.name})"
    distance = checkpoint_ref.distance_label(last.name)
    return (
        f"held-out {distance} ({last.name}): {last.value:.4g} at step {last.step}; lowest "
        f"{best.value:.4g} at step {best.step}{other}, in {layout.BEST_CHECKPOINT}/, --step best"
    )


def _restore_valid(directory: Path, template: TrainState, step: int) -> TrainState | None:
    try:
        return checkpoints.restore(directory, template, step)
    except UserError as error:
        logger.warning(f"{error}; set aside: the next evaluation makes the best again")
        checkpoints.set_aside_after(directory, step - 1)
        return None
