"""Trains many seeds of one config: a run directory each, in groups, with a summary of all.

The data are loaded once and each program is compiled once. A run that is trained alone in its
program has the same bits as one of a config with a single seed; runs that share a program are the
same to rounding.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import jax

from jaxgan.config.errors import UserError
from jaxgan.config.paths import expand_path
from jaxgan.config.schema import Config
from jaxgan.config.seeds import config_of_seed, expand_seeds, seeds_of
from jaxgan.gan.state import TrainState
from jaxgan.parallel.process_group import from_primary, is_primary, same_error
from jaxgan.plots.comparisons import save_bands
from jaxgan.runs import checkpoints, layout, seed_statistics
from jaxgan.runs.atomic_files import write_json
from jaxgan.runs.seed_folders import seed_folder
from jaxgan.training.loop import TrainResult, train_group, train_run
from jaxgan.training.run_writer import hold_run_directory
from jaxgan.training.seed_groups import group_seeds, seeds_per_program
from jaxgan.training.setup import TrainingSetup, first_state, prepare_training
from jaxgan.training.signals import stop_signals
from jaxgan.training.verdict import log_seed_diagnoses


def train_seeds(config: Config, workdir: Path | str) -> dict[int, TrainResult]:
    """Trains a run for each seed, or resumes it, in `workdir/seed_0003` and so on.

    A run that diverges does not stop the others.

    Returns:
      The results by seed, less those of runs that were already trained to the end, and of runs
      that a signal left no time to begin.

    Raises:
      UserError: as `train`.
    """
    config = expand_seeds(config)
    if jax.process_count() > 1 and config.train.seeds_at_once > 1:
        raise UserError(
            f"config.train.seeds_at_once = {config.train.seeds_at_once}: several processes "
            "train one run at a time; must be 0 or 1"
        )
    setup = prepare_training(config)
    config, workdir = setup.config, expand_path(str(workdir))
    # Made before anything is written, since the device may have no room for it.
    folder = seed_folder(workdir, config.seed)
    template = first_state(setup, folder, config_of_seed(config, config.seed)).state
    mesh = setup.gan.mesh
    limit = seeds_per_program(config, mesh.size if mesh else 1)
    results: dict[int, TrainResult] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(hold_run_directory(setup, workdir, config))
        # Process 0 decides for all: it alone renames and removes checkpoints.
        with same_error():
            unfinished = _unfinished_seeds(setup, workdir, template) if is_primary() else {}
        groups = from_primary(group_seeds(unfinished, limit))
        del template
        signals = stack.enter_context(stop_signals())
        for seeds in groups:
            results |= _train_together(setup, workdir, seeds, signals)
            # Runs of one group are stopped by the same signal.
            if results[seeds[0]].signal:
                break
        with same_error():
            if is_primary():
                _write_summary(workdir, config, results)
                finished = [seed for seed, result in results.items() if result.finished]
                log_seed_diagnoses({seed: seed_folder(workdir, seed) for seed in finished})
    return results


def _train_together(
    setup: TrainingSetup, workdir: Path, seeds: list[int], signals: list[int]
) -> dict[int, TrainResult]:
    configs = {seed_folder(workdir, seed): config_of_seed(setup.config, seed) for seed in seeds}
    if len(seeds) > 1:
        return dict(zip(seeds, train_group(setup, configs, signals), strict=True))
    ((folder, config),) = configs.items()
    return {seeds[0]: train_run(setup, folder, config, signals, show_seed=True)}


def _write_summary(workdir: Path, config: Config, results: Mapping[int, TrainResult]) -> None:
    before = seed_statistics.read_diverged(workdir)
    diverged = {seed: reason for seed, reason in before.items() if seed not in results}
    diverged |= {seed: result.diverged for seed, result in results.items() if result.diverged}
    rows = seed_statistics.read_all_rows(workdir)
    last_step = seed_statistics.final_step(workdir, config)
    summary = seed_statistics.summarise(config, rows, last_step, diverged)
    write_json(workdir / layout.SEED_SUMMARY, summary)
    if runs := [seed_rows for seed_rows in rows.values() if seed_rows]:
        title = f"{config.data.name}, {config.loss} loss, {len(runs)} seeds"
        save_bands(workdir / layout.SEED_BANDS, {title: runs}, title)


def _unfinished_seeds(
    setup: TrainingSetup, workdir: Path, template: TrainState
) -> dict[int, set[int]]:
    """Returns, for each seed that is not trained to the end, the steps it can resume from."""
    unfinished = {}
    for seed in seeds_of(setup.config):
        folder = seed_folder(workdir, seed) / layout.CHECKPOINTS
        steps = checkpoints.steps(folder)
        ended = [step for step in steps if step >= setup.plan.total]
        if checkpoints.restore_newest_valid(folder, template, ended) is None:
            unfinished[seed] = set(steps) or {0}
        else:
            # A kill may have left too many, and an ended run is not opened again.
            checkpoints.remove_surplus(folder, setup.config.save.keep)
    return unfinished
