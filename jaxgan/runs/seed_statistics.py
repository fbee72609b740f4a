"""What the runs of many seeds say together: each figure's mean, spread and quantiles over seeds."""

import json
import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.schema import Config
from jaxgan.runs import checkpoint_ref, metrics_log, seed_folders
from jaxgan.runs.environment import read_environment
from jaxgan.runs.files import write_atomically
from jaxgan.runs.plan import make_step_plan
from jaxgan.runs.text import align

SUMMARY, BANDS = "seeds.json", "seeds.png"
PLACES = ("step", "epoch", "images", "skipped_in_a_row", "seconds")  # no figures of a GAN
COLUMNS = ("n", "mean", "std", "min", "q1", "median", "q3", "max")
Row = dict[str, Any]
Values = dict[int, float | None]  # by seed; None where it is not finite


def summarize(workdir: Path, config: Config, diverged: Mapping[int, str]) -> dict[str, Any]:
    """What seeds.json holds.

    Figures are those of the last row of each run that was trained to the end, and, under "best/",
    the lowest held-out distance that the run came to. `diverged` says why the others were not.
    """
    rows = rows_of(workdir)
    last = {seed: _last(part, final_steps(workdir, config)) for seed, part in rows.items()}
    finished = {seed: row for seed, row in last.items() if row}
    return {
        "seeds": list(config.seeds) if isinstance(config.seeds, tuple) else [],
        "finished": list(finished),
        "diverged": {str(seed): why for seed, why in diverged.items()},
        "step": final_steps(workdir, config),
        "metrics": over_seeds(finished),
    }


def write_summary(path: Path, result: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(result, indent=2, allow_nan=False) + "\n")


def recorded_divergences(workdir: Path) -> dict[int, str]:
    """Of the last training; none where seeds.json is missing or damaged."""
    try:
        found = json.loads((workdir / SUMMARY).read_text())["diverged"]
        return {int(seed): str(why) for seed, why in found.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def final_steps(workdir: Path, config: Config) -> int:
    """Of each run, when it is trained to the end."""
    examples = read_environment(workdir)["data"]["examples"]
    return config.train.epochs * make_step_plan(config.train, examples).epoch


def rows_of(workdir: Path) -> dict[int, list[Row]]:
    """The rows of each run that was begun, by seed."""
    return {
        seed: metrics_log.read_rows(folder)
        for seed, folder in seed_folders.seed_folders(workdir).items()
    }


def over_seeds(found: Mapping[int, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """`statistics_of` each number in the mappings of the seeds, by its name."""
    names: dict[str, None] = {}
    for figures in found.values():
        names |= {name: None for name, value in figures.items() if is_number(value)}
    return {
        name: statistics_of({seed: figures.get(name) for seed, figures in found.items()})
        for name in names
        if name not in PLACES
    }


def statistics_of(values: Values) -> dict[str, Any]:
    """How many are finite, and of those mean, sample standard deviation, extremes and quartiles.

    Quartiles lie between the values in proportion (numpy's "linear"). What is not defined, such
    as the deviation of a single value, is None. The values themselves are under "values".
    """
    finite = [value for value in values.values() if value is not None and math.isfinite(value)]
    found: dict[str, Any] = dict.fromkeys(COLUMNS) | {"n": len(finite)}
    if finite:
        found["mean"] = statistics.fmean(finite)
        found["std"] = statistics.stdev(finite) if len(finite) > 1 else None
        quantiles = np.quantile(finite, (0, 0.25, 0.5, 0.75, 1)).tolist()
        found |= dict(zip(COLUMNS[3:], quantiles, strict=True))
    return found | {"values": {str(seed): value for seed, value in values.items()}}


def statistics_table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """The statistics as aligned lines, one for each name."""
    columns = {
        column: {name: _number(found[column]) for name, found in metrics.items()}
        for column in COLUMNS
    }
    return "\n".join(align(columns)) if metrics else "no run is trained to the end yet"


def _last(rows: list[Row], step: int) -> Row | None:
    """The row of the last step, and the lowest held-out distance up to it."""
    row = next((row for row in reversed(rows) if row["step"] == step), None)
    if row is None or not (found := checkpoint_ref.distance_in(row)):
        return row
    name, _ = found
    distances = [part[name] for part in rows if part["step"] <= step and part.get(name) is not None]
    return row | {name.replace("eval/", "best/", 1): min(distances, default=None)}


def is_number(value: Any) -> bool:
    """Whether a row's value is a single number; None is one that was not finite."""
    return value is None or type(value) in (int, float)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
