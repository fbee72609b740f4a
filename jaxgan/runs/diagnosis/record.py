"""The records of a run that its diagnosis is a function of, and how its rows are read."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config, TrainConfig
from jaxgan.runs import directory, row_files
from jaxgan.runs.atomic_files import read_json
from jaxgan.runs.checkpoint_ref import evaluation_file
from jaxgan.runs.environment import read_data_record

Row = Mapping[str, Any]


class RunRecord(NamedTuple):
    """The records of a run on disk.

    Attributes:
      rows: of metrics.jsonl.
      evaluation: the content of evaluation.json; {} without one.
      data: what environment.json records about the data; {} if that is not known.
    """

    config: Config
    rows: Sequence[Row]
    evaluation: Mapping[str, Any]
    data: Mapping[str, Any]


def read_record(workdir: Path) -> RunRecord:
    """Reads the records of the run in a folder; an evaluation or data that cannot be read are {}.

    Raises:
      UserError: there is no run, or its config or its rows cannot be read.
    """
    config, rows = directory.read_config(workdir), row_files.read_rows(workdir)
    evaluation, data = {}, {}
    with contextlib.suppress(UserError):
        data = read_data_record(workdir)
    with contextlib.suppress(UserError, FileNotFoundError):
        evaluation = read_json(workdir / evaluation_file("last"))
    return RunRecord(config, rows, evaluation if isinstance(evaluation, dict) else {}, data)


def intervals(train: TrainConfig, row: Row) -> float:
    """Returns how far a row is into the run, in the unit that config.save.every counts in.

    That is epochs or, with config.train.images, intervals of config.train.interval_images images.
    """
    if train.images and "images" in row:
        return float(row["images"] / train.interval_images)
    return float(row["epoch"])


def planned_intervals(train: TrainConfig) -> float:
    """Returns the length of the whole run, in the same unit."""
    return train.images / train.interval_images if train.images else float(train.epochs)


def place(train: TrainConfig, row: Row) -> str:
    """Returns a row's place in words: "epoch 5", or "300000 images" with config.train.images."""
    if train.images and "images" in row:
        return f"{row['images']} images"
    return f"epoch {row['epoch']:g}"


def last_interval(run: RunRecord) -> list[Row]:
    """Returns the rows of the last epoch or interval."""
    train = run.config.train
    # Half a row below, since a row's epoch is rounded.
    begin = intervals(train, run.rows[-1]) - 1 + 0.5 / train.logs_per_epoch
    return [row for row in run.rows if intervals(train, row) > begin]


def finite_values(rows: Sequence[Row], prefix: str) -> list[tuple[Row, str, float]]:
    """Returns row, name and value of each finite number whose name begins so."""
    return [
        (row, name, value)
        for row in rows
        for name, value in row.items()
        if name.startswith(prefix) and is_finite(value)
    ]


def is_finite(value: Any) -> TypeGuard[float]:
    """Returns whether a value is one finite number; a row has None for one that is not."""
    return type(value) in (int, float) and math.isfinite(value)
