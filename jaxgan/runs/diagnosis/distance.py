"""The held-out distance of a run over training: has it fallen, and does it still fall?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config.schema import Config, TrainConfig
from jaxgan.runs.checkpoint_ref import distance_in, distance_label, distance_set
from jaxgan.runs.diagnosis.finding import DURING, EVALUATE, Answer
from jaxgan.runs.diagnosis.record import Row, RunRecord, intervals, is_finite, place

FALLEN = 0.9  # times the first distance
# Distances of 2,000 samples scatter by a few percent, so a smaller change is none.
RISEN, LOWER = 1.25, 0.97  # times the lowest one before
ADVICE_RISEN = (
    "`--step best` of sample and evaluate takes the state of the lowest distance. In a new folder "
    "try a learning rate that falls (--config.schedule.learning_rate) or an average of the "
    "weights (--config.ema.half_life)"
)
ADVICE_NOT_FALLEN = (
    "If the answers below name no reason, try another learning rate in a new folder, or "
    "configs/mnist_best.py's loss and penalties"
)


class Distances(NamedTuple):
    """The finite distances of a run that can be compared with its newest one.

    Attributes:
      name: of their column; "" if the run has none.
    """

    name: str
    rows: list[Row]
    values: list[float]

    @property
    def label(self) -> str:
        """The beginning of a sentence about them."""
        return f"The {distance_label(self.name)} to {distance_set(self.name)}"


def distances(rows: Sequence[Row]) -> Distances:
    """Returns the distances of the rows that have the protocol of the newest one."""
    # A changed feature net or number of samples gives other distances.
    names = (found[0] for row in reversed(rows) if (found := distance_in(row)))
    name = next(names, "")
    kept = [row for row in rows if name and is_finite(row.get(name))]
    return Distances(name, kept, [row[name] for row in kept])


def learning(run: RunRecord) -> Iterator[Answer]:
    """Answers whether samples come nearer to real images."""
    last, found = run.rows[-1], distances(run.rows)
    # One is an accident that mixed precision knows.
    if is_finite(skipped := last.get("skipped_in_a_row")) and skipped > 1:
        text = f"The last {skipped} steps had an update that was not finite, and was skipped."
        advice = (
            f"--config.train.redraw={run.config.train.redraw + 1} goes on with other random "
            "draws; a smaller learning rate or a gradient penalty needs a new folder"
        )
        yield Answer("warning", text, {"skipped_in_a_row": skipped}, advice)
    yield _trend(run, found) if found.rows else _single_evaluation(run)


def progressing(run: RunRecord) -> Iterator[Answer]:
    """Answers whether the distance still falls."""
    found, train = distances(run.rows), run.config.train
    if (count := len(found.rows)) < 3:
        text = f"A trend takes 3 evaluations during training, and this run has {count}."
        yield Answer("note", text, {"evaluations": count}, DURING)
        return
    places = [place(train, row) for row in found.rows]
    lowest, last = int(np.argmin(found.values)), found.values[-1]
    figures = {found.name: last, "lowest": found.values[lowest]}
    at_lowest = f"{found.values[lowest]:.4g} at {places[lowest]}"
    third = intervals(train, run.rows[-1]) / 3
    early, late = _split(train, found, third)
    if has_risen(train, found, third):
        text = f"{found.label} has risen from {at_lowest} to {last:.4g} at {places[-1]}."
        yield Answer("warning", text, figures, ADVICE_RISEN)
    elif early and late and min(late) < LOWER * min(early):
        text = (
            f"{found.label} still falls: the lowest is {min(early):.4g} in the first two thirds of "
            f"the run and {min(late):.4g} in the last third."
        )
        yield Answer("good", text, figures | {"before": min(early)}, _train_on(run.config))
    elif lowest == count - 1:
        text = f"{found.label} hardly falls any more: {found.values[0]:.4g} first, {at_lowest}."
        yield Answer("note", text, figures)
    else:
        text = f"{found.label} no longer falls: {at_lowest}, {last:.4g} at {places[-1]}."
        yield Answer("note", text, figures)


def has_risen(train: TrainConfig, found: Distances, third: float) -> bool:
    """Returns whether the distance has been well above its lowest for a third of a run.

    All evaluations since then must be, and there must be two, since one may be chance.

    Args:
      third: a third of the run's length, in intervals.
    """
    early, late = _split(train, found, third)
    return len(late) > 1 and bool(early) and min(late) > RISEN * min(early)


def _split(train: TrainConfig, found: Distances, third: float) -> tuple[list[float], list[float]]:
    """Returns the distances before the last third of a run, and those in it."""
    border = intervals(train, found.rows[-1]) - third
    early = sum(intervals(train, row) <= border for row in found.rows)
    return found.values[:early], found.values[early:]


def _trend(run: RunRecord, found: Distances) -> Answer:
    first, last, lowest = found.values[0], found.values[-1], min(found.values)
    begin, end = (place(run.config.train, found.rows[i]) for i in (0, -1))
    beside, baseline = _beside_baseline(run)
    figures = {found.name: last, **baseline}
    if len(found.rows) == 1:
        text = f"{found.label} was measured once: {last:.4g} at {end}{beside}."
        return Answer("note", text, figures, "A second evaluation shows whether it falls")
    move = f"from {first:.4g} at {begin} to {last:.4g} at {end}"
    if last < FALLEN * first:
        return Answer("good", f"{found.label} fell {move}{beside}.", figures)
    if lowest < FALLEN * first:
        text = f"{found.label} went {move}, and was {lowest:.4g} between{beside}."
        return Answer("note", text, figures | {"lowest": lowest})
    text = f"{found.label} has not fallen: it went {move}{beside}."
    # Two evaluations may be close together, and other networks to begin with may be good already.
    if len(found.rows) > 2 and not run.config.start_from:
        return Answer("warning", text, figures, ADVICE_NOT_FALLEN)
    return Answer("note", text, figures)


def _single_evaluation(run: RunRecord) -> Answer:
    if found := _generator_value(run.evaluation, "metrics"):
        name, value = found
        beside, baseline = _beside_baseline(run)
        text = f"The Fréchet distance was measured once: {value:.4g} ({name}){beside}."
        return Answer("note", text, {name: value, **baseline}, f"{DURING}")
    rows = len(run.rows)
    text = f"None of {rows} rows has a distance to real images, which would say what samples are."
    return Answer("note", text, {"rows": rows}, f"{EVALUATE}. {DURING}")


def _beside_baseline(run: RunRecord) -> tuple[str, dict[str, float]]:
    """Returns how far evaluation.json finds samples from the real baseline: in words, as figure."""
    if not (found := _generator_value(run.evaluation, "ratios")):
        return "", {}
    name, ratio = found
    return f"; in evaluation.json {ratio:.3g} times that of real images", {f"ratio/{name}": ratio}


def _generator_value(evaluation: Mapping[str, Any], part: str) -> tuple[str, float] | None:
    """Returns the Fréchet distance of a part of evaluation.json, to the test set if it has it."""
    values = evaluation.get(part)
    values = values.get("generator") if isinstance(values, dict) else None
    found = [
        (name, value)
        for name, value in (values.items() if isinstance(values, dict) else ())
        if name.startswith("frechet/") and is_finite(value)
    ]
    return min(found, key=lambda pair: "/test/" not in pair[0], default=None)


def _train_on(config: Config) -> str:
    """Returns how the run is made longer; "" if its schedules, in fractions of it, forbid that."""
    if config.schedule.unit == "run" and config.schedule.points:
        return ""
    unit = "images" if config.train.images else "epochs"
    longer = f"--config.train.{unit}={2 * getattr(config.train, unit)}"
    return f"The same command with {longer} trains on"
