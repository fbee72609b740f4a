"""Many seeds of one config: a run directory each, trained in groups, and what all of them say.

The data are loaded once and each program is compiled once. A group of one run is the same to the
bit as one trained alone; of several runs, trained in one program, to rounding.
"""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import jax

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.config.seeds import config_of_seed, expand_seeds, seeds_of
from jaxgan.parallel.process_group import process_group
from jaxgan.plots.comparisons import save_bands
from jaxgan.runs import checkpoints, directory, layout, seed_statistics
from jaxgan.runs.seed_folders import seed_folder
from jaxgan.training.loop import TrainResult, run_loop
from jaxgan.training.setup import TrainingSetup, initial_state, prepare_training
from jaxgan.training.signals import stop_signals


def train_seeds(config: Config, workdir: Path) -> dict[int, TrainResult]:
    """Trains, or goes on training, a run for each seed, in `workdir/seed_0003` and so on.

    Runs that are trained to the end are left alone, and are not among the outcomes; nor are those
    that a signal left no time to begin. A run that diverges does not take the others with it.

    Raises:
      UserError: as `train`.
    """
    config = expand_seeds(config)
    if process_group().count > 1 and config.train.seeds_at_once > 1:
        raise UserError(
            f"config.train.seeds_at_once = {config.train.seeds_at_once}: several processes "
            "train one run at a time; must be 0 or 1"
        )
    ground = prepare_training(config)
    like = initial_state(ground, config.seed)  # before anything is written: there may be no room
    mesh, processes = ground.gan.mesh, process_group()
    most = seeds_per_program(config, mesh.size if mesh else 1)
    outcomes: dict[int, TrainResult] = {}
    with contextlib.ExitStack() as stack:
        groups = []
        if processes.first:
            stack.enter_context(directory.open_run(workdir, config, ground.environment))
            groups = _group_seeds(_unfinished_seeds(ground, workdir, like), most)
        groups = processes.meet(groups=groups)[0]["groups"]
        del like
        caught = stack.enter_context(stop_signals())
        for group in groups:
            members = {seed_folder(workdir, seed): config_of_seed(config, seed) for seed in group}
            found = run_loop(ground, members, caught, named=True)
            outcomes |= dict(zip(group, found, strict=True))
            if found[0].signal:
                break
        if processes.first:
            _write_summary(workdir, config, outcomes)
    return outcomes


def _write_summary(workdir: Path, config: Config, outcomes: Mapping[int, TrainResult]) -> None:
    before = seed_statistics.recorded_divergences(workdir)
    diverged = {seed: why for seed, why in before.items() if seed not in outcomes}
    diverged |= {seed: out.diverged for seed, out in outcomes.items() if out.diverged}
    found = seed_statistics.summarize(workdir, config, diverged)
    seed_statistics.write_summary(workdir / seed_statistics.SUMMARY, found)
    rows = [part for part in seed_statistics.rows_of(workdir).values() if part]
    if rows:
        name = f"{config.data.name}, {config.loss} loss, {len(rows)} seeds"
        save_bands(workdir / seed_statistics.BANDS, {name: rows}, name)


def _unfinished_seeds(ground: TrainingSetup, workdir: Path, like) -> dict[int, set[int]]:
    """Of each seed that is not trained to the end, the steps that it could go on from."""
    total = ground.config.train.epochs * ground.plan.epoch
    found = {}
    for seed in seeds_of(ground.config):
        folder = seed_folder(workdir, seed) / layout.CHECKPOINTS
        steps = checkpoints.steps(folder)
        ended = [step for step in steps if step >= total]
        if checkpoints.restore_newest_valid(folder, like, ended) is None:
            found[seed] = set(steps) or {0}
        else:
            checkpoints.remove_surplus(folder, ground.config.save.keep)
    return found


def _group_seeds(pending: Mapping[int, Iterable[int]], at_once: int) -> list[list[int]]:
    """Seeds that can go on from one step, or from the start, so many together at most.

    Seeds that have no step in common are not held together: going back to the start would throw
    away what one of them has.
    """
    alike: list[tuple[list[int], set[int]]] = []
    for seed, steps in pending.items():
        for seeds, common in alike:
            if common & set(steps):
                seeds.append(seed)
                common &= set(steps)
                break
        else:
            alike.append(([seed], set(steps)))
    return [seeds[i : i + at_once] for seeds, _ in alike for i in range(0, len(seeds), at_once)]


def seeds_per_program(config: Config, devices: int) -> int:
    """How many seeds share a program at most: as the config says or, where that is 0, as pays.

    One on CPU and, for each device, of a convolutional network, whose kernels become grouped
    convolutions: `vmap` takes longer there (1.16 times on an H200, three seeds of
    configs/mnist_best.py). One with shards, whose bits are to be the same on any number of devices,
    and of several processes, which share a run. Else all.
    """
    if process_group().count > 1:
        return 1
    if config.train.seeds_at_once:
        return config.train.seeds_at_once
    if config.parallel.shards or jax.default_backend() == "cpu":
        return 1
    if config.network.name != "mlp":
        return devices
    return len(seeds_of(config))
