"""The last words of a run: where everything is, and what to do next."""

import os
import shlex
import sys
from pathlib import Path

from jaxgan import records
from jaxgan.config import Config


def report(outcome, workdir: Path, config: Config) -> int:
    """Prints them; returns the exit status. `outcome` is what `train` returns."""
    if outcome.signal and outcome.step < outcome.total_steps:
        print(
            f"saved at step {outcome.step} of {outcome.total_steps}; go on with:\n  {_again()}",
            file=sys.stderr,
        )
        return 128 + outcome.signal
    epochs = config.train.epochs
    if outcome.step == outcome.first_step:
        trained = outcome.step * epochs // outcome.total_steps
        print(f"{workdir} was already trained for {trained} epochs;", end=" ")
        print(f"for more: {_again()} --config.train.epochs={trained * 2}")
        return 0
    print(f"Trained {epochs} epochs, {outcome.step} steps. In {workdir}:")
    for name, what in (
        (records.SAMPLES, "the same latents after each epoch"),
        (records.CURVES, "losses and D's probabilities"),
        (records.METRICS, "the figures behind the curves"),
        (records.DIAGNOSTICS, "distance, discriminator, copies and classes over training"),
        (records.MEMORISATION, "samples beside their nearest training images"),
        (records.CHECKPOINTS, "the states to go on from"),
    ):
        if (workdir / name).exists():
            print(f"  {workdir / name}: {what}")
    if outcome.distances:
        from jaxgan.best import in_words

        print(in_words(*outcome.distances))
    folder = shlex.quote(str(workdir))
    print(f"Next: {_program()} sample --workdir {folder} --num 64 --out samples.png")
    print(f"      {_program()} evaluate --workdir {folder}")
    return 0


def _program() -> str:
    """The words that start this program again, from this folder."""
    if sys.argv[0].endswith(".py"):
        return f"{shlex.quote(sys.executable)} {shlex.quote(sys.argv[0])}"
    return os.path.basename(sys.argv[0])


def _again() -> str:
    return f"{_program()} {shlex.join(sys.argv[1:])}"
