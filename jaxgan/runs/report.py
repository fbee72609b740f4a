"""The verb `report`: summarises the progress of a run, or of the runs of many seeds."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from jaxgan.config.schema import Config
from jaxgan.runs import directory, layout, row_files, seed_statistics
from jaxgan.runs.best_checkpoint import describe_distances, held_out_distances
from jaxgan.runs.diagnosis import diagnose, read_record
from jaxgan.runs.environment import read_data_record
from jaxgan.runs.text import align, format_number


def report(workdir: Path) -> str:
    """Returns lines of text about the run in a folder; nothing in it is changed.

    Raises:
      UserError: there is no run, or its files are damaged.
    """
    config = directory.read_config(workdir)
    lines = _seeds_report(workdir, config) if config.seeds else _run_report(workdir, config)
    return "\n".join(lines)


def _seeds_report(workdir: Path, config: Config) -> Iterator[str]:
    rows = seed_statistics.read_all_rows(workdir)
    diverged = seed_statistics.read_diverged(workdir)
    last_step = seed_statistics.final_step(workdir, config)
    summary = seed_statistics.summarise(config, rows, last_step, diverged)
    seeds, finished = summary["seeds"], summary["finished"]
    yield f"{workdir}: {config.data.name}, {config.loss} loss, {len(seeds)} seeds"
    yield f"{len(finished)} seeds have finished at step {last_step}; statistics over them:"
    yield seed_statistics.statistics_table(summary["metrics"])
    for seed in seeds:
        if seed in diverged:
            yield f"seed {seed} diverged: {diverged[seed]}"
        elif seed not in finished:
            yield f"seed {seed}: at step {rows[seed][-1]['step'] if rows.get(seed) else 0}"
    yield from _existing_paths(workdir, (layout.SEED_SUMMARY, layout.SEED_BANDS))
    yield f"  {workdir / 'seed_*'}"


def _run_report(workdir: Path, config: Config) -> Iterator[str]:
    rows = row_files.read_rows(workdir)
    last_step = seed_statistics.final_step(workdir, config)
    last = rows[-1] if rows else {"step": 0, "epoch": 0, "images": 0}
    position = f"epoch {last['epoch']:g} of {config.train.epochs}"
    if config.train.images:
        position = f"{last['images']} of {config.train.images} images"
    yield f"{workdir}: {config.data.name}, {config.loss} loss, seed {config.seed}"
    yield from _data_report(workdir)
    yield f"step {last['step']} of {last_step}, {position}; the last row:"
    numbers = {name: value for name, value in last.items() if seed_statistics.is_number(value)}
    yield from align({"value": {name: format_number(x, ".6g") for name, x in numbers.items()}})
    if distances := held_out_distances(workdir):
        yield describe_distances(*distances)
    for finding in diagnose(read_record(workdir)):
        yield f"{finding.level}: {' '.join(filter(None, (finding.sentence, finding.advice)))}"
    files = (layout.METRICS, layout.CURVES, layout.DIAGNOSTICS, layout.MEMORISATION)
    folders = (layout.SAMPLES, layout.CHECKPOINTS, layout.BEST_CHECKPOINT)
    evaluations = sorted(path.name for path in workdir.glob("eval*"))
    yield from _existing_paths(workdir, (*files, *folders, *evaluations))


def _data_report(workdir: Path) -> Iterator[str]:
    """Describes the training data; yields nothing if a run has no record of them."""
    if not (workdir / layout.ENVIRONMENT).is_file():
        return
    data = read_data_record(workdir)
    size = "x".join(map(str, data["shape"]))
    yield f"{data['examples']} examples of {size} from {data['source']}"
    # A run of an older version has recorded neither names nor counts.
    names, counts = data.get("class_names"), data.get("class_counts")
    if names and counts:
        shown = (f"{name} {count}" for name, count in zip(names, counts, strict=True))
        yield f"classes: {', '.join(shown)}"


def _existing_paths(workdir: Path, names: Iterable[str]) -> Iterator[str]:
    yield from (f"  {workdir / name}" for name in names if (workdir / name).exists())
