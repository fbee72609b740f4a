"""How the records of two runs differ, before any figure: in settings and in environment."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jaxgan.config.fields import iter_settings
from jaxgan.config.schema import Config
from jaxgan.runs import directory
from jaxgan.runs.environment import read_environment

SAME, DIFFERENT = 0, 1  # exit statuses of a comparison


def config_diff(a: Path, b: Path) -> Iterator[str]:
    old, new = (_settings(directory.read_config(workdir)) for workdir in (a, b))
    for name in old:
        if old[name] != new[name]:
            yield f"config.{name}: {old[name]!r}, {new[name]!r}"


def _settings(config: Config) -> dict[str, Any]:
    return {name: value for name, _, value in iter_settings(config)}


def environment_diff(a: Path, b: Path) -> Iterator[str]:
    old, new = (_flat(read_environment(workdir)) for workdir in (a, b))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"environment {name}: {old.get(name, 'none')}, {new.get(name, 'none')}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
