"""The verb `report`: where a run stands, or what the runs of many seeds say together."""

from collections.abc import Iterator
from pathlib import Path

from jaxgan.config.schema import Config
from jaxgan.runs import directory, layout, metrics_log, seed_folders, seed_statistics
from jaxgan.runs.best_checkpoint import describe_distances, held_out_distances
from jaxgan.runs.text import align


def report(workdir: Path) -> str:
    """Lines of text, from what is in the folder now; nothing in it is changed.

    Raises:
      UserError: there is no run, or its files are damaged.
    """
    config = directory.read_config(workdir)
    lines = _of_seeds(workdir, config) if config.seeds else _of_run(workdir, config)
    return "\n".join(lines)


def _of_seeds(workdir: Path, config: Config) -> Iterator[str]:
    found = seed_statistics.summarize(
        workdir, config, seed_statistics.recorded_divergences(workdir)
    )
    seeds, ended, diverged = found["seeds"], found["finished"], found["diverged"]
    yield f"{workdir}: {config.data.name}, {config.loss} loss, {len(seeds)} seeds"
    yield f"{len(ended)} are trained to step {found['step']}; over those:"
    yield seed_statistics.statistics_table(found["metrics"])
    folders = seed_folders.seed_folders(workdir)
    for seed in seeds:
        if str(seed) in diverged:
            yield f"seed {seed} diverged: {diverged[str(seed)]}"
        elif seed not in ended:
            rows = metrics_log.read_rows(folders[seed]) if seed in folders else []
            yield f"seed {seed}: at step {rows[-1]['step'] if rows else 0}"
    yield from _where(workdir, (seed_statistics.SUMMARY, seed_statistics.BANDS))
    yield f"  {workdir / 'seed_*'}"


def _of_run(workdir: Path, config: Config) -> Iterator[str]:
    rows = metrics_log.read_rows(workdir)
    total = seed_statistics.final_steps(workdir, config)
    last = rows[-1] if rows else {"step": 0, "epoch": 0}
    yield f"{workdir}: {config.data.name}, {config.loss} loss, seed {config.seed}"
    epochs = config.train.epochs
    yield f"step {last['step']} of {total}, epoch {last['epoch']:g} of {epochs}; the last row:"
    figures = {
        name: _number(value) for name, value in last.items() if seed_statistics.is_number(value)
    }
    yield from align({"value": figures})
    if distances := held_out_distances(workdir):
        yield describe_distances(*distances)
    names = (layout.METRICS, layout.CURVES, layout.DIAGNOSTICS, layout.MEMORISATION)
    folders = (layout.SAMPLES, layout.CHECKPOINTS, layout.BEST_CHECKPOINT)
    yield from _where(workdir, (*names, *folders, *sorted(p.name for p in workdir.glob("eval*"))))


def _where(workdir: Path, names: tuple[str, ...]) -> Iterator[str]:
    yield from (f"  {workdir / name}" for name in names if (workdir / name).exists())


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"
