"""A finding about a run: the answer to a question, with its figures and what to do."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

from jaxgan.runs.diagnosis.record import RunRecord

Level = Literal["good", "note", "warning"]
Figures = Mapping[str, float]


class Finding(NamedTuple):
    """An answer to one question about a run.

    Attributes:
      level: "warning" for what is probably wrong, "note" for what is worth knowing or is missing.
      question: the same text for all findings that answer it.
      sentence: has the figures in it.
      figures: these figures, by the name of their column or of their value in evaluation.json.
      advice: what to try, or which command gives a missing figure; "" if nothing is to be done.
    """

    level: Level
    question: str
    sentence: str
    figures: Figures
    advice: str = ""


class Answer(NamedTuple):
    """A finding without its question."""

    level: Level
    sentence: str
    figures: Figures
    advice: str = ""


Answers = Callable[[RunRecord], Iterator[Answer]]

EVALUATE = "`jaxgan evaluate --workdir RUN` measures it now"
DURING = (
    "The command that trains it, with --config.evaluate.every=1, measures it while it trains on"
)
