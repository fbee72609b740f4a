"""The verb `report`: where a run stands, or what the runs of many seeds say together."""

from collections.abc import Iterator
from pathlib import Path

from jaxgan import members, records, summary
from jaxgan.best import in_words, standing
from jaxgan.config import Config
from jaxgan.table import aligned


def report(workdir: Path) -> str:
    """Lines of text, from what is in the folder now; nothing in it is changed.

    Raises:
      UserError: there is no run, or its files are damaged.
    """
    config = records.read_config(workdir)
    lines = _of_seeds(workdir, config) if config.seeds else _of_run(workdir, config)
    return "\n".join(lines)


def _of_seeds(workdir: Path, config: Config) -> Iterator[str]:
    found = summary.summarise(workdir, config, summary.recorded_divergences(workdir))
    seeds, ended, diverged = found["seeds"], found["finished"], found["diverged"]
    yield f"{workdir}: {config.data.name}, {config.loss} loss, {len(seeds)} seeds"
    yield f"{len(ended)} are trained to step {found['step']}; over those:"
    yield summary.table(found["metrics"])
    folders = members.folders(workdir)
    for seed in seeds:
        if str(seed) in diverged:
            yield f"seed {seed} diverged: {diverged[str(seed)]}"
        elif seed not in ended:
            rows = records.read_rows(folders[seed]) if seed in folders else []
            yield f"seed {seed}: at step {rows[-1]['step'] if rows else 0}"
    yield from _where(workdir, (summary.SUMMARY, summary.BANDS))
    yield f"  {workdir / 'seed_*'}"


def _of_run(workdir: Path, config: Config) -> Iterator[str]:
    rows = records.read_rows(workdir)
    total = summary.steps(workdir, config)
    last = rows[-1] if rows else {"step": 0, "epoch": 0}
    yield f"{workdir}: {config.data.name}, {config.loss} loss, seed {config.seed}"
    epochs = config.train.epochs
    yield f"step {last['step']} of {total}, epoch {last['epoch']:g} of {epochs}; the last row:"
    figures = {name: _number(value) for name, value in last.items() if summary.is_number(value)}
    yield from aligned({"value": figures})
    if distances := standing(workdir):
        yield in_words(*distances)
    names = (records.METRICS, records.CURVES, records.DIAGNOSTICS, records.MEMORISATION)
    folders = (records.SAMPLES, records.CHECKPOINTS, records.BEST_CHECKPOINT)
    yield from _where(workdir, (*names, *folders, *sorted(p.name for p in workdir.glob("eval*"))))


def _where(workdir: Path, names: tuple[str, ...]) -> Iterator[str]:
    yield from (f"  {workdir / name}" for name in names if (workdir / name).exists())


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"
