"""Config files: Python modules whose `get_config()` edits the default settings."""

import dataclasses
import difflib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict
from ml_collections.config_dict import FieldReference

from jaxgan.config.errors import UserError
from jaxgan.config.fields import build_config, iter_settings, parse_literal
from jaxgan.config.schema import Config


def load_config(path: Path, overrides: list[tuple[str, str]]) -> Config:
    """The checked config of a file's `get_config()` with the command line's overrides.

    Raises:
      UserError: the file is missing or fails, or a setting is unknown or not allowed.
    """
    if not path.is_file():
        known = sorted(str(other) for other in path.absolute().parent.glob("*.py"))
        names = ", ".join(os.path.relpath(other) for other in known)
        raise UserError(f"--config {path}: no such file; there: {names or 'nothing'}")
    spec = importlib.util.spec_from_file_location("config", path)
    if spec is None or spec.loader is None:
        raise UserError(f"--config {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    if (above := str(path.absolute().parent.parent)) not in sys.path:
        sys.path.append(above)  # for `from configs import another`
    try:
        spec.loader.exec_module(module)
        edited = module.get_config()
    except Exception as error:
        where = f"{path}{_line(error, str(path.absolute()))}"
        raise UserError(f"--config {where}: {type(error).__name__}: {_reason(error)}") from error
    if not isinstance(edited, ConfigDict):
        raise UserError(
            f"--config {path}: get_config() gives {type(edited).__name__}; it must return "
            "default_config(), edited"
        )
    values = edited.to_dict()
    for name, text in overrides:
        override(values, name, text)
    return from_mapping(values)


def _line(error: Exception, path: str) -> str:
    """Of the file, where the error came from; "" where that is not known."""
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if frame.filename == path]
    if isinstance(error, SyntaxError) and error.filename == path:
        numbers.append(error.lineno)
    return f", line {numbers[-1]}" if numbers else ""


def _reason(error: Exception) -> str:
    """In one line. A ConfigDict's is that of a KeyError, quoted, and then a second line."""
    text = str(error)
    if isinstance(error, KeyError | AttributeError) and text[:1] in ("'", '"'):
        text = str(parse_literal(text))
    first, *others = text.strip().splitlines() or [repr(error)]
    helps = [line for line in others if line.startswith("Did you mean")]
    return " ".join([first.split(" Other fields present:")[0], *helps])


def default_config() -> ConfigDict:
    """Every setting at its default, locked: a name that is not declared here cannot be set."""
    return to_config_dict(Config())


def to_config_dict(config: Config) -> ConfigDict:
    values = dataclasses.asdict(config)
    values["seeds"] = FieldReference(config.seeds, field_type=object)  # a number or a tuple
    return ConfigDict(values).lock()


def from_mapping(values: dict[str, Any]) -> Config:
    """The checked config of nested plain values, as `ConfigDict.to_dict()` or JSON gives them.

    Raises:
      UserError: a value is of the wrong type or not allowed, or a name is unknown.
    """
    return build_config(Config, values, "")


def override(values: dict[str, Any], name: str, text: str) -> None:
    """Sets `values["a"]["b"]` from the command line's `a.b` and its text, in place.

    The text is read as the type that the setting has; whether the value is allowed is checked
    when the config is built.

    Raises:
      UserError: there is no such setting; the closest names are listed.
    """
    known = {dotted: field for dotted, field, _ in iter_settings(Config())}
    if name not in known:
        raise UserError(f"unknown setting --config.{name}; {_nearest(name, list(known))}")
    *groups, last = name.split(".")
    for group in groups:
        values = values[group]
    values[last] = text if known[name].type is str else parse_literal(text)


def _nearest(name: str, known: list[str]) -> str:
    """The same name in another group, or names like it in its own; else all of its own."""
    group, _, last = name.rpartition(".")
    if any(other.startswith(f"{name}.") for other in known):
        group, last = name, ""
    within = [other.removeprefix(f"{group}.") for other in known if other.startswith(f"{group}.")]
    found = [other for other in known if other.rpartition(".")[2] == last]
    found = found or [f"{group}.{other}" for other in difflib.get_close_matches(last, within)]
    if within and not found:
        return f"{group} has: {', '.join(within)}"
    return f"did you mean: {', '.join(found or difflib.get_close_matches(name, known) or known)}"
