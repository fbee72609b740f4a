"""The last words of a run: where everything is, and what to do next."""

import logging
import os
import shlex
import sys
from pathlib import Path

from jaxgan.config.schema import Config
from jaxgan.runs import layout
from jaxgan.runs.files import read_json


def print_result(outcome, workdir: Path, config: Config) -> int:
    """Prints them; returns the exit status. `outcome` is what `train` returns."""
    if outcome.signal and outcome.step < outcome.total_steps:
        print(
            f"saved at step {outcome.step} of {outcome.total_steps}; go on with:\n"
            f"  {_resume_command()}",
            file=sys.stderr,
        )
        return 128 + outcome.signal
    epochs = config.train.epochs
    if outcome.step == outcome.first_step:
        trained = outcome.step * epochs // outcome.total_steps
        print(f"{workdir} was already trained for {trained} epochs;", end=" ")
        print(f"for more: {_resume_command()} --config.train.epochs={trained * 2}")
        return 0
    print(f"Trained {epochs} epochs, {outcome.step} steps. In {workdir}:")
    for name, what in (
        (layout.SAMPLES, "the same latents after each epoch"),
        (layout.CURVES, "losses and D's probabilities"),
        (layout.METRICS, "the figures behind the curves"),
        (layout.DIAGNOSTICS, "distance, discriminator, copies and classes over training"),
        (layout.MEMORISATION, "samples beside their nearest training images"),
        (layout.CHECKPOINTS, "the states to go on from"),
    ):
        if (workdir / name).exists():
            print(f"  {workdir / name}: {what}")
    if outcome.distances:
        from jaxgan.runs.best_checkpoint import describe_distances

        print(describe_distances(*outcome.distances))
    folder = shlex.quote(str(workdir))
    print(f"Next: {_program()} sample --workdir {folder} --num 64 --out samples.png")
    print(f"      {_program()} evaluate --workdir {folder}")
    return 0


def print_seed_results(outcomes, workdir: Path, config: Config) -> int:
    """The last words on many seeds, and the exit status: 1 where one diverged.

    `outcomes` is what `train_seeds` returns.
    """
    from jaxgan.runs.seed_statistics import statistics_table

    diverged = {seed: out.diverged for seed, out in outcomes.items() if out.diverged}
    found = read_json(workdir / layout.SEED_SUMMARY)
    seeds, ended = found["seeds"], found["finished"]
    signal = next((out.signal for out in outcomes.values() if out.signal), 0)
    if signal and len(ended) + len(diverged) < len(seeds):
        going = [seed for seed in outcomes if seed not in ended and seed not in diverged]
        where = "".join(f", seed {seed} at step {outcomes[seed].step}" for seed in going)
        print(
            f"saved: {len(ended)} of {len(seeds)} seeds are at the last step, {found['step']}"
            f"{where}; go on with:\n  {_resume_command()}",
            file=sys.stderr,
        )
        return 128 + signal
    if outcomes:
        print(f"Trained {len(ended)} of {len(seeds)} seeds to step {found['step']}. In {workdir}:")
    else:
        print(f"{workdir}: all {len(seeds)} seeds were already trained:")
    print(f"  {workdir / 'seed_*'}: a run each, to sample, to evaluate or to train on alone")
    print(f"  {workdir / layout.SEED_BANDS}: median and quartiles over training")
    print(f"  {workdir / layout.SEED_SUMMARY}: the last figures of each, and over seeds:")
    print(statistics_table(found["metrics"]))
    for seed, why in diverged.items():
        print(f"jaxgan: error: seed {seed} diverged: {why}", file=sys.stderr)
    return 1 if diverged else 0


class _StderrHandler(logging.Handler):
    """Writes each record as one line on standard error.

    If stderr was closed, as by `2>&1 | head`, the rest is discarded and the run goes on.
    """

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning: " if record.levelno >= logging.WARNING else ""
        try:
            print(f"{level}{record.getMessage()}", file=sys.stderr, flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def show_log() -> None:
    """Shows on standard error what the library logs, from level INFO on."""
    logger = logging.getLogger("jaxgan")
    logger.setLevel(logging.INFO)
    logger.propagate = False  # importing Orbax gives the root logger a handler of its own
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        logger.addHandler(_StderrHandler())


def print_error(message: str, status: int) -> int:
    """Prints the one line of an error; returns the exit status."""
    print(f"jaxgan: error: {' '.join(message.split())}", file=sys.stderr)
    return status


def _program() -> str:
    """The words that start this program again, from this folder."""
    if sys.argv[0].endswith(".py"):
        return f"{shlex.quote(sys.executable)} {shlex.quote(sys.argv[0])}"
    return os.path.basename(sys.argv[0])


def _resume_command() -> str:
    return f"{_program()} {shlex.join(sys.argv[1:])}"
