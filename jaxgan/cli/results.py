"""The last lines of a training command: where the files of its run are, and what to do next."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from jaxgan.cli.messages import print_error, print_text
from jaxgan.config.errors import EXIT_FAILED
from jaxgan.config.own_parts import own_parts
from jaxgan.config.schema import Config
from jaxgan.config.seeds import seeds_of
from jaxgan.runs import layout
from jaxgan.runs.atomic_files import read_json
from jaxgan.runs.best_checkpoint import describe_distances
from jaxgan.runs.seed_statistics import statistics_table
from jaxgan.training.loop import TrainResult

FILES = (
    (layout.SAMPLES, "images from the same latent vectors over training"),
    (layout.CURVES, "losses and the discriminator's probabilities"),
    (layout.METRICS, "the numbers behind the curves"),
    (layout.DIAGNOSTICS, "distance, discriminator, copies and classes over training"),
    (layout.MEMORISATION, "samples beside their nearest training images"),
    (layout.CHECKPOINTS, "states to resume from"),
)


def print_result(result: TrainResult, workdir: Path, config: Config) -> int:
    """Prints how a run ended; returns the exit status."""
    # A signal that came in the last step stopped nothing, so the run counts as finished.
    if result.signal and result.step < result.total_steps:
        saved = f"saved at step {result.step} of {result.total_steps}; go on with:"
        print(f"{saved}\n  {_resume_command()}", file=sys.stderr)
        return 128 + result.signal
    unit = "images" if config.train.images else "epochs"
    length = getattr(config.train, unit)
    if result.step == result.first_step:
        trained = result.step * length // result.total_steps
        print(f"{workdir} was already trained for {trained} {unit};", end=" ")
        print(_how_to_train_more(workdir, config, unit, trained))
        return 0
    print(f"Trained {length} {unit}, {result.step} steps. In {workdir}:")
    for name, content in FILES:
        if (workdir / name).exists():
            print(f"  {workdir / name}: {content}")
    if result.distances:
        print_text(describe_distances(*result.distances))
    folder = shlex.quote(str(workdir))
    own = ",".join(path for _, path in own_parts(config))
    trust = f" --trust {own}" if own else ""
    print(f"Next: {_program()} sample --workdir {folder}{trust} --num 64 --out samples.png")
    print(f"      {_program()} evaluate --workdir {folder}{trust}")
    return 0


def print_seed_results(results: Mapping[int, TrainResult], workdir: Path, config: Config) -> int:
    """Prints how the runs of many seeds ended; returns the exit status: 1 if one diverged."""
    seeds, summary_file = seeds_of(config), workdir / layout.SEED_SUMMARY
    # From the file and not from `results`, which lack the seeds that an earlier start finished.
    summary = read_json(summary_file)
    finished, last_step = summary["finished"], summary["step"]
    diverged = {seed: result.diverged for seed, result in results.items() if result.diverged}
    signal = next((result.signal for result in results.values() if result.signal), 0)
    if signal and len(finished) + len(diverged) < len(seeds):
        unfinished = [seed for seed in results if seed not in finished and seed not in diverged]
        steps = "".join(f", seed {seed} at step {results[seed].step}" for seed in unfinished)
        saved = f"saved: {len(finished)} of {len(seeds)} seeds are at the last step, {last_step}"
        print(f"{saved}{steps}; go on with:\n  {_resume_command()}", file=sys.stderr)
        return 128 + signal
    if results:
        print(f"Trained {len(finished)} of {len(seeds)} seeds to step {last_step}. In {workdir}:")
    else:
        print(f"{workdir}: all {len(seeds)} seeds were already trained:")
    print(f"  {workdir / 'seed_*'}: one run each, to sample, to evaluate or to train on alone")
    print(f"  {workdir / layout.SEED_BANDS}: median and quartiles over training")
    print(f"  {summary_file}: the last metrics of each seed, and their statistics:")
    print_text(statistics_table(summary["metrics"]))
    for seed, reason in diverged.items():
        print_error(f"seed {seed} diverged: {reason}", EXIT_FAILED)
    return EXIT_FAILED if diverged else 0


def _how_to_train_more(workdir: Path, config: Config, unit: str, trained: int) -> str:
    if not config.schedule.fixes_length:
        return f"for more: {_command_with(f'--config.train.{unit}', trained * 2)}"
    start = shlex.quote(f"--config.start_from={workdir}")
    return (
        "its schedules are fractions of this length, so it cannot be made longer; "
        f"{start} with another --workdir begins a new run with its networks"
    )


def _program() -> str:
    """Returns the command that starts this program again from this folder."""
    if sys.argv[0].endswith(".py"):
        return f"{shlex.quote(sys.executable)} {shlex.quote(sys.argv[0])}"
    return os.path.basename(sys.argv[0])


def _resume_command() -> str:
    return f"{_program()} {shlex.join(sys.argv[1:])}"


def _command_with(flag: str, value: int) -> str:
    """Returns the command of this process with another value of a setting."""
    kept, words = [], iter(sys.argv[1:])
    for word in words:
        if word == flag:
            next(words)  # its value
        elif not word.startswith(f"{flag}="):
            kept.append(word)
    return f"{_program()} {shlex.join([*kept, f'{flag}={value}'])}"
