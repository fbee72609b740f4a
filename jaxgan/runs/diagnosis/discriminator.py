"""Has the discriminator won? Each loss has a sign of its own, where its logits have a meaning."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from jaxgan.config.network import disc_norm
from jaxgan.config.schema import Config
from jaxgan.runs.diagnosis.finding import Answer
from jaxgan.runs.diagnosis.record import Row, RunRecord, is_finite, last_interval, place

WON, NEAR = 0.001, 0.01  # a signal below it


class Signal(NamedTuple):
    """A quantity that approaches 0 as the discriminator wins.

    Attributes:
      column: of metrics.jsonl, from which it is computed.
      words: the quantity, as the beginning of a sentence.
      compute: returns it for the column's value.
    """

    column: str
    words: str
    compute: Callable[[float], float] = float


PROBABILITY = Signal("disc/prob_fake", "D(G(z)), the mean probability of generated images,")
SIGNALS: dict[str, Signal | None] = {
    # Their logits are log-odds of "real", so the sigmoid of one is a probability.
    "non_saturating": PROBABILITY,
    "saturating": PROBABILITY,
    # D's output aims at 0 and 1 itself; its sigmoid would be from 0.5 to 0.73.
    "least_squares": Signal("disc/loss", "D's loss, half of its squared errors,"),
    # 0 once every logit is beyond the margin; then D has no gradient left.
    "hinge": Signal("disc/loss", "D's loss, which is 0 with every logit beyond the margin,"),
    # Only differences of logits have a meaning: the loss is the mean of -log P(the real image is
    # the more realistic one of its pair).
    "relativistic": Signal(
        "disc/loss",
        "the probability that a generated image looks more real to D than a real one",
        lambda loss: -math.expm1(-loss),
    ),
    # The same with two such terms, against the mean of the other kind.
    "relativistic_average": Signal(
        "disc/loss",
        "the probability that an image looks to D like the other kind",
        lambda loss: -math.expm1(-loss / 2),
    ),
    # A critic does not win: the better it is, the better it measures a distance, and with a bounded
    # slope it keeps a gradient. Its logits have neither a unit nor a boundary.
    "wasserstein": None,
}


def signal_in(config: Config, row: Row) -> float | None:
    """Returns the signal of the config's loss in a row; None if there is no finite one."""
    signal = SIGNALS.get(config.loss)
    value = row.get(signal.column) if signal else None
    return signal.compute(value) if signal and is_finite(value) else None


def discriminator(run: RunRecord) -> Iterator[Answer]:
    """Answers whether the discriminator has won, by the rows of the last epoch or interval."""
    if not (signal := SIGNALS.get(run.config.loss)):
        yield _without_signal(run)
        return
    rows = last_interval(run)
    values = [value for row in rows if (value := signal_in(run.config, row)) is not None]
    if not values:
        text = f"The last {len(rows)} rows have no finite {signal.column}, which shows it."
        yield Answer(
            "note", text, {"rows": len(rows)}, "Rows of a run that has not diverged have it"
        )
        return
    mean = float(np.mean(values))
    since = "in the last interval" if run.config.train.images else "in the last epoch"
    text = f"{signal.words} was {mean:.2g} {since}"
    figures = {signal.column: mean}
    if mean < WON:
        yield Answer("warning", f"D has won: {text}.", figures, won_advice(run.config))
    elif mean < NEAR:
        yield Answer("note", f"D is far ahead: {text}; below {WON} it has won.", figures)
    else:
        yield Answer("good", f"D has not won: {text}; below {WON} it would have.", figures)


def won_advice(config: Config) -> str:
    """Returns what to try where D has won."""
    tries = []
    if config.loss == "saturating":
        tries.append("--config.loss=non_saturating, whose gradient for G does not vanish")
    tries.append("a smaller --config.optimizer.disc.learning_rate")
    norm = " and --config.network.disc_norm=none" * (disc_norm(config.network) == "batch")
    tries.append(f"a gradient penalty (--config.penalty.r1=1{norm})")
    return f"In a new folder try {', or '.join(tries)}"


def _without_signal(run: RunRecord) -> Answer:
    last = run.rows[-1]
    text = f"A loss of your own, {run.config.loss}: no rule says when D has won"
    if run.config.loss in SIGNALS:
        text = "A Wasserstein critic cannot win, as it measures a distance"
    real, fake = (last.get(f"disc/logit_{kind}") for kind in ("real", "fake"))
    if not (is_finite(real) and is_finite(fake)):
        return Answer("note", f"{text} ({place(run.config.train, last)}).", {})
    text = f"{text}; its mean logits of real and generated images are {real:.3g} and {fake:.3g}."
    return Answer("note", text, {"disc/logit_real": real, "disc/logit_fake": fake})
