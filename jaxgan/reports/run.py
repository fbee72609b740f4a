"""Reads the folder of a run for a page: what is missing or damaged becomes a sentence."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.runs import directory, row_files, seed_folders
from jaxgan.runs.environment import read_data_record, read_environment

Row = dict[str, Any]
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Run:
    """The parts of a run's folder that a page reads before it builds its sections.

    Attributes:
      name: what the page calls the run; different for each run of a page.
      prefix: begins the ids of the run's HTML elements; different for each run of a page.
      rows: of metrics.jsonl; [] for the folder of many seeds.
      environment: the content of environment.json; {} without one.
      data: what the environment records about the data; {} without a readable record.
      seeds: for the folder of many seeds, the run of each seed that has started.
      problems: sentences about files that are missing or damaged, with what to do.
    """

    workdir: Path
    config: Config
    name: str
    prefix: str
    rows: list[Row]
    environment: dict[str, Any]
    data: dict[str, Any]
    seeds: dict[int, "Run"]
    problems: tuple[str, ...]


def read_run(workdir: Path, name: str, prefix: str) -> Run:
    """Reads a run, or the runs of many seeds; nothing in the folder is changed.

    Raises:
      UserError: there is no run, or its config cannot be read.
    """
    config = directory.read_config(workdir)
    problems: list[str] = []
    seeds: dict[int, Run] = {}
    for seed, folder in seed_folders.seed_folders(workdir).items():
        read = functools.partial(read_run, folder, f"seed {seed}", f"{prefix}s{seed}")
        if run := _try(read, None, problems):
            seeds[seed] = run
    return Run(
        workdir=workdir,
        config=config,
        name=name,
        prefix=prefix,
        rows=_read_rows(workdir, problems),
        environment=_clean(_try(functools.partial(read_environment, workdir), {}, problems)),
        data=_try(functools.partial(read_data_record, workdir), {}, problems),
        seeds=seeds,
        # The same damage can be met twice.
        problems=tuple(dict.fromkeys(problems)),
    )


def _clean(environment: dict[str, Any]) -> dict[str, Any]:
    """Returns an environment without entries that are not of the kind that a run writes."""
    kinds = {"versions": dict, "devices": list, "git_commit": str}
    return {
        name: value
        for name, value in environment.items()
        if isinstance(value, kinds.get(name, object))
    }


def _read_rows(workdir: Path, problems: list[str]) -> list[Row]:
    """Reads the rows of a run; those before a damaged line if there is one."""
    try:
        return row_files.read_rows(workdir)
    except UserError as error:
        rows = row_files.read_rows_before_damage(workdir)
        problems.append(f"{error}. Here are the {len(rows)} rows before it.")
        return rows


def _try(read: Callable[[], T], default: T, problems: list[str]) -> T:
    """Returns what `read` returns; an error for users becomes a problem, and the default."""
    try:
        return read()
    except UserError as error:
        problems.append(str(error))
        return default
