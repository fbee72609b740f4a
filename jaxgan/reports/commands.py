"""The command that trains a recorded config again."""

import functools
import shlex
from pathlib import Path
from typing import Any

from jaxgan.config.fields import iter_settings
from jaxgan.config.files import load_config, shipped_configs
from jaxgan.config.schema import Config
from jaxgan.config.seeds import expand_seeds


def training_command(config: Config, workdir: Path) -> str:
    """Returns a command for a run of exactly this config in a new folder.

    It starts from the shipped config that differs in the fewest settings, if possible one for the
    same data, and sets those.
    """
    settings = _settings(config)
    changes = {
        name: {key: value for key, value in settings.items() if value != shipped[key]}
        for name, shipped in _shipped_settings().items()
    }
    nearest = min(changes, key=lambda name: ("data.name" in changes[name], len(changes[name])))
    flags = [f"--config.{name}={_spell(value)}" for name, value in changes[nearest].items()]
    words = ["jaxgan", "train", "--config", nearest, "--workdir", str(workdir), *flags]
    return shlex.join(words)


@functools.cache
def _shipped_settings() -> dict[str, dict[str, Any]]:
    return {
        name: _settings(expand_seeds(load_config(Path(name), []))) for name in shipped_configs()
    }


def _settings(config: Config) -> dict[str, Any]:
    return {name: value for name, _, value in iter_settings(config)}


def _spell(value: Any) -> str:
    """Returns a value as the command line reads it: a text as it is, others in Python."""
    return value if isinstance(value, str) else repr(value)
