"""Has the generator collapsed? Alike samples, classes that are missing, modes that are missing."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import numpy as np

from jaxgan.runs.diagnosis.discriminator import discriminator
from jaxgan.runs.diagnosis.distance import distances
from jaxgan.runs.diagnosis.finding import DURING, EVALUATE, Answer, Figures
from jaxgan.runs.diagnosis.record import Row, RunRecord, finite_values, is_finite, place

SPREAD = "samples/spread"
# A spread below it. That of the classic GAN on MNIST is 0.12 to 0.18 in its first three epochs.
ALIKE, SIMILAR = 0.05, 0.3
COLLAPSED, UNEVEN = 0.5, 0.75  # a share of the real classes or modes below it
ADVICE = (
    "In a new folder try --config.loss=relativistic with --config.penalty.r1 and "
    "--config.penalty.r2, as in configs/mnist_best.py, or --config.packing=2"
)


def collapse(run: RunRecord) -> Iterator[Answer]:
    """Answers whether samples are alike, and whether kinds of real images are missing."""
    yield _spread(run)
    where, fractions = _class_fractions(run)
    if modes := finite_values(run.rows, "eval/modes/"):
        yield _if_trained(run, _modes(run, *modes[-1]))
    elif len(fractions):
        yield _if_trained(run, _classes(run, where, fractions))
    elif not distances(run.rows).rows and not run.evaluation:
        text = f"None of {len(run.rows)} rows says which classes or modes the samples have."
        yield Answer("note", text, {"rows": len(run.rows)}, f"{EVALUATE}. {DURING}")


def effective_number(fractions: np.ndarray) -> float:
    """Returns the exponential of the entropy: n for n equal fractions, 1 for a single class."""
    positive = fractions[fractions > 0]
    return float(np.exp(-np.sum(positive * np.log(positive))))


def _spread(run: RunRecord) -> Answer:
    if not (found := finite_values(run.rows, SPREAD)):
        text = f"None of {len(run.rows)} rows says how much samples differ ({SPREAD})."
        advice = (
            "An earlier version did not write it, nor does a run with save.samples_every=0; "
            "look at the newest picture in samples/"
        )
        return Answer("note", text, {"rows": len(run.rows)}, advice)
    row, _, value = found[-1]
    where, figures = place(run.config.train, row), {SPREAD: value}
    text = f"samples differ from each other {value:.2g} times as much as real ones do ({where})"
    if value < ALIKE:
        return Answer("warning", f"All samples are alike: {text}.", figures, ADVICE)
    if value < SIMILAR:
        return Answer("note", f"Samples resemble each other: {text}.", figures)
    return Answer("good", f"Samples are not all alike: {text}.", figures)


def _classes(run: RunRecord, where: str, fractions: np.ndarray) -> Answer:
    own, real = (effective_number(x) for x in (fractions, _real_fractions(run, len(fractions))))
    text = (
        f"the effective number of classes, the exponential of their entropy, is {own:.2g} in "
        f"samples and {real:.2g} in real images ({where})"
    )
    return _judge(own / real, text, {"classes": own, "classes_of_real": real})


def _modes(run: RunRecord, row: Row, name: str, count: float) -> Answer:
    where, figures = place(run.config.train, row), {name: count}
    if not (found := finite_values([row], "eval/reverse_kl/")):
        return Answer("note", f"Samples are near {count:g} modes of the data ({where}).", figures)
    _, kl_name, divergence = found[0]
    # The exponential of the entropy, divided by the number of modes.
    share = math.exp(-divergence)
    text = (
        f"samples reach {count:g} modes, and the effective number of modes, the exponential of "
        f"their entropy, is {share:.0%} of all (reverse KL {divergence:.2g}, {where})"
    )
    return _judge(share, text, figures | {kl_name: divergence})


def _judge(share: float, text: str, figures: Figures) -> Answer:
    if share < COLLAPSED:
        return Answer("warning", f"The generator has collapsed: {text}.", figures, ADVICE)
    if share < UNEVEN:
        return Answer("note", f"Some kinds of samples are rare: {text}.", figures)
    return Answer("good", f"The generator has not collapsed: {text}.", figures)


def _if_trained(run: RunRecord, answer: Answer) -> Answer:
    """Turns a warning about a generator that D left no gradient, and that is noise, into a note."""
    if answer.level == "good" or not any(x.level == "warning" for x in discriminator(run)):
        return answer
    _, _, text = answer.sentence.partition(": ")
    return Answer("note", f"Kinds of samples say little, as D has won: {text}", answer.figures)


def _class_fractions(run: RunRecord) -> tuple[str, np.ndarray]:
    """Returns the newest fractions of the samples in each class, and where they are from."""
    protocol = run.evaluation.get("protocol")
    evaluated = protocol.get("step") if isinstance(protocol, dict) else None
    found = _histograms(run).get("generator")
    for row in reversed(run.rows):
        if is_finite(evaluated) and row["step"] <= evaluated and _is_histogram(found):
            break
        for name, value in row.items():
            if name.startswith("eval/class_fractions/") and _is_histogram(value):
                return place(run.config.train, row), np.array(value, float)
    return "evaluation.json", np.array(found if _is_histogram(found) else [], float)


def _real_fractions(run: RunRecord, classes: int) -> np.ndarray:
    """Returns the fractions of real images in each class; equal ones if they are not known."""
    counts = run.data.get("class_counts") or []
    for found in (*map(_histograms(run).get, ("test", "train")), counts):
        if _is_histogram(found) and len(found) == classes and np.sum(found) > 0:
            return np.array(found, float) / np.sum(found)
    return np.full(classes, 1 / classes)


def _histograms(run: RunRecord) -> Mapping[str, Any]:
    found = run.evaluation.get("histograms")
    return found if isinstance(found, dict) else {}


def _is_histogram(value: Any) -> TypeGuard[list[float]]:
    return isinstance(value, list) and bool(value) and all(map(is_finite, value))
