"""The differences between the recorded configs and environments of two runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flax.traverse_util import flatten_dict

from jaxgan.config.fields import iter_settings
from jaxgan.runs import directory
from jaxgan.runs.environment import MEMORY, read_environment


def config_diff(a: Path, b: Path) -> Iterator[str]:
    """Yields a line for each setting that differs, with both values."""
    old, new = (_read_settings(workdir) for workdir in (a, b))
    for name in old:
        if old[name] != new[name]:
            yield f"config.{name}: {old[name]!r}, {new[name]!r}"


def environment_diff(a: Path, b: Path) -> Iterator[str]:
    """Yields a line for each entry of the environments that differs, with both values."""
    records = [read_environment(workdir) for workdir in (a, b)]
    for record in records:
        record.pop(MEMORY, None)
    old, new = (flatten_dict(record, sep=".") for record in records)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"environment {name}: {old.get(name, 'none')}, {new.get(name, 'none')}"


def _read_settings(workdir: Path) -> dict[str, Any]:
    return {name: value for name, _, value in iter_settings(directory.read_config(workdir))}
