"""Statistics over the runs of many seeds: mean, spread and quantiles of each metric."""

import json
import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.schema import Config
from jaxgan.config.seeds import seeds_of
from jaxgan.runs import row_files, seed_folders
from jaxgan.runs.checkpoint_ref import distance_in
from jaxgan.runs.environment import read_data_record
from jaxgan.runs.layout import SEED_SUMMARY
from jaxgan.runs.plan import make_step_plan
from jaxgan.runs.text import align, format_number

# Numbers in a row that say where the run was, not how good its GAN was.
POSITIONS = ("step", "epoch", "images", "skipped_in_a_row", "seconds")
COLUMNS = ("n", "mean", "std", "min", "q1", "median", "q3", "max")
Row = dict[str, Any]
Values = Mapping[int, float | None]  # by seed; None is a value that was not finite


def summarise(
    config: Config, rows: Mapping[int, list[Row]], last_step: int, diverged: Mapping[int, str]
) -> dict[str, Any]:
    """Returns the content of seeds.json.

    The metrics are those of the last row of each run that reached the last step, and, under
    "best/", the lowest held-out distance of the run.

    Args:
      rows: the metrics rows of each seed that has started, as `read_all_rows` returns them.
      last_step: of training, as `final_step` returns it.
      diverged: for each seed that diverged, the reason.
    """
    last_rows = {seed: _last_row(seed_rows, last_step) for seed, seed_rows in rows.items()}
    finished = {seed: row for seed, row in last_rows.items() if row}
    return {
        "seeds": list(seeds_of(config)),
        "finished": list(finished),
        "diverged": {str(seed): reason for seed, reason in diverged.items()},
        "step": last_step,
        "metrics": statistics_over_seeds(finished),
    }


def read_all_rows(workdir: Path) -> dict[int, list[Row]]:
    """Reads the metrics rows of each seed that has started."""
    folders = seed_folders.seed_folders(workdir)
    return {seed: row_files.read_rows(folder) for seed, folder in folders.items()}


def final_step(workdir: Path, config: Config) -> int:
    """Returns the step at which each run of the config ends."""
    return make_step_plan(config.train, read_data_record(workdir)["examples"]).total


def read_diverged(workdir: Path) -> dict[int, str]:
    """Reads from seeds.json why seeds diverged; {} if the file is missing or damaged."""
    try:
        diverged = json.loads((workdir / SEED_SUMMARY).read_text())["diverged"]
        return {int(seed): str(reason) for seed, reason in diverged.items()}
    # Any damage: training must go on, and writes the file anew at its end.
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def statistics_over_seeds(results: Mapping[int, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the statistics of each number in the seeds' results, by the number's name."""
    # A dictionary and not a set, to keep the order of the metrics in the rows.
    names: dict[str, None] = {}
    for result in results.values():
        names |= {name: None for name, value in result.items() if is_number(value)}
    return {
        name: statistics_of({seed: result.get(name) for seed, result in results.items()})
        for name in names
        if name not in POSITIONS
    }


def statistics_of(values: Values) -> dict[str, Any]:
    """Returns the number of finite values, and their mean, standard deviation and quartiles.

    The standard deviation is that of a sample; quartiles are interpolated linearly, as numpy does.
    A statistic that is not defined is None. The values themselves are under "values".
    """
    finite = [value for value in values.values() if value is not None and math.isfinite(value)]
    result: dict[str, Any] = dict.fromkeys(COLUMNS) | {"n": len(finite)}
    if finite:
        result["mean"] = statistics.fmean(finite)
        result["std"] = statistics.stdev(finite) if len(finite) > 1 else None
        quantiles = np.quantile(finite, (0, 0.25, 0.5, 0.75, 1)).tolist()
        result |= dict(zip(COLUMNS[3:], quantiles, strict=True))
    return result | {"values": {str(seed): value for seed, value in values.items()}}


def statistics_table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Formats statistics as aligned lines, one for each metric."""
    columns = {
        column: {name: format_number(found[column], missing="-") for name, found in metrics.items()}
        for column in COLUMNS
    }
    return "\n".join(align(columns)) if metrics else "no run has finished yet"


def is_number(value: Any) -> bool:
    """Returns whether a row's value is a single number; None is one that was not finite."""
    # `isinstance` would take True and False for numbers.
    return value is None or type(value) in (int, float)


def _last_row(rows: list[Row], last_step: int) -> Row | None:
    """Returns the row of the last step, with the lowest held-out distance up to it."""
    last = next((row for row in reversed(rows) if row["step"] == last_step), None)
    if last is None or not (distance := distance_in(last)):
        return last
    name, _ = distance
    # The run may have been longer under an earlier config.train.epochs or images.
    found = [row.get(name) for row in rows if row["step"] <= last_step]
    lowest = min((value for value in found if value is not None), default=None)
    return last | {name.replace("eval/", "best/", 1): lowest}
