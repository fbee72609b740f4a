"""Config files: Python modules whose `get_config()` edits the default settings."""

import ast
import dataclasses
import difflib
import importlib.util
import os
import traceback
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict
from ml_collections.config_dict import FieldReference

from jaxgan.config.errors import UserError
from jaxgan.config.fields import build_config, iter_settings, parse_literal
from jaxgan.config.import_paths import importable, note_recorded
from jaxgan.config.own_parts import check_own_parts, own_parts
from jaxgan.config.schema import Config


def load_config(path: Path, overrides: list[tuple[str, str]]) -> Config:
    """Runs a file's `get_config()`, applies the overrides and checks the result.

    Args:
      path: a config file, or the bare name of a shipped config.
      overrides: (dotted name, text) of each setting changed on the command line.

    Raises:
      UserError: the file is missing or fails, or a setting is unknown or not allowed.
    """
    values = _run_config_file(_find_config(path)).to_dict()
    for name, text in overrides:
        override(values, name, text)
    config = from_mapping(values)
    check_own_parts(config)
    return config


def shipped_configs() -> dict[str, str]:
    """Returns the name and the first docstring line of every shipped config of a run."""
    paths = sorted(_shipped_folder().glob("*.py"))
    # They are parsed and not run: each would import what it needs, only for the list.
    texts = {path.stem: ast.get_docstring(ast.parse(path.read_text())) for path in paths}
    lines = {name: (text or "").partition("\n")[0] for name, text in texts.items()}
    # `features_*` train a feature net, not a GAN.
    return {name: line for name, line in lines.items() if not name.startswith("features_")}


def _shipped_folder() -> Path:
    """Returns `configs/` as the wheel holds it, or else that of the checkout."""
    package = Path(__file__).parents[1]
    installed = package / "shipped" / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def _find_config(path: Path) -> Path:
    """Returns the file that a path or the name of a shipped config stands for."""
    if path.is_file():
        return path
    if path.suffix or path.name != str(path):
        neighbours = sorted(path.absolute().parent.glob("*.py"))
        names = ", ".join(os.path.relpath(neighbour) for neighbour in neighbours)
        raise UserError(
            f"--config {path}: no such file; in that folder: {names or 'no .py file'}; "
            "`jaxgan configs` lists the shipped configs, which need only their name"
        )
    if (shipped := _shipped_folder() / f"{path}.py").is_file():
        return shipped
    near = ", ".join(difflib.get_close_matches(path.name, shipped_configs()))
    guess = f"did you mean {near}? " if near else ""
    raise UserError(
        f"--config {path}: neither a file nor a shipped config; {guess}`jaxgan configs` lists them"
    )


def _run_config_file(path: Path) -> ConfigDict:
    spec = importlib.util.spec_from_file_location("config", path)
    if spec is None or spec.loader is None:
        raise UserError(f"--config {path}: not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        # A config can import others, as in `from configs import mnist`.
        with importable(path.absolute().parent.parent, _shipped_folder().parent):
            spec.loader.exec_module(module)
            config = module.get_config()
    # The file is the user's own program, so its errors can be of any class.
    except Exception as error:
        where = f"{path}{_line(error, str(path.absolute()))}"
        raise UserError(f"--config {where}: {type(error).__name__}: {_reason(error)}") from error
    if not isinstance(config, ConfigDict):
        raise UserError(
            f"--config {path}: get_config() returns {type(config).__name__}; it must return "
            "default_config(), edited"
        )
    return config


def _line(error: Exception, path: str) -> str:
    """Returns the line of the file that the error comes from; "" if it is not known."""
    frames = traceback.extract_tb(error.__traceback__)
    # A file that cannot be parsed has no frame, so its line comes from the error itself.
    numbers = [frame.lineno for frame in frames if frame.filename == path]
    if isinstance(error, SyntaxError) and error.filename == path:
        numbers.append(error.lineno)
    return f", line {numbers[-1]}" if numbers else ""


def _reason(error: Exception) -> str:
    """Returns an error's text on one line, without the quotes that a KeyError adds."""
    text = str(error)
    if isinstance(error, KeyError | AttributeError) and text[:1] in ("'", '"'):
        text = str(parse_literal(text))
    first, *others = text.strip().splitlines() or [repr(error)]
    hints = [line for line in others if line.startswith("Did you mean")]
    return " ".join([first.split(" Other fields present:")[0], *hints])


def default_config() -> ConfigDict:
    """Returns every setting at its default, locked: no other name can be set."""
    return to_config_dict(Config())


def to_config_dict(config: Config) -> ConfigDict:
    """Returns the settings of a config as a locked ConfigDict."""
    values = dataclasses.asdict(config)
    # ConfigDict keeps the type of a default: a plain field would refuse a tuple for the number.
    values["seeds"] = FieldReference(config.seeds, field_type=object)
    values["data"]["size"] = FieldReference(config.data.size, field_type=object)
    return ConfigDict(values).lock()


def from_mapping(values: dict[str, Any]) -> Config:
    """Builds and checks a config from nested plain values: `ConfigDict.to_dict()`, or JSON.

    Settings that are missing have their defaults.

    Raises:
      UserError: a value is of the wrong type or not allowed, or a name is unknown.
    """
    return build_config(Config, values, "")


def from_record(values: dict[str, Any]) -> Config:
    """Builds a config from a record, as `from_mapping` does.

    A record can come from a stranger, so code of the user's own that it names is not imported
    unless it is trusted.
    """
    config = from_mapping(values)
    note_recorded(path for _, path in own_parts(config))
    return config


def override(values: dict[str, Any], name: str, text: str) -> None:
    """Sets `values["a"]["b"]` from the command line's `a.b` and its text, in place.

    The text is read as the type of the setting; `from_mapping` checks the value.

    Raises:
      UserError: there is no such setting; the closest names are listed.
    """
    fields = {dotted: field for dotted, field, _ in iter_settings(Config())}
    if name not in fields:
        raise UserError(f"unknown setting --config.{name}; {_suggestions(name, list(fields))}")
    *groups, last = name.split(".")
    for group in groups:
        values = values[group]
    # A text stays as it is: `--config.data.dir=2024` is a folder and not a number.
    values[last] = text if fields[name].type is str else parse_literal(text)


def _suggestions(name: str, known: list[str]) -> str:
    """Returns the same name in another group, similar ones in its group, or all of the group."""
    group, _, last = name.rpartition(".")
    if any(other.startswith(f"{name}.") for other in known):
        group, last = name, ""
    within = [other.removeprefix(f"{group}.") for other in known if other.startswith(f"{group}.")]
    near = [other for other in known if other.rpartition(".")[2] == last]
    near = near or [f"{group}.{other}" for other in difflib.get_close_matches(last, within)]
    if within and not near:
        return f"{group} has: {', '.join(within)}"
    return f"did you mean: {', '.join(near or difflib.get_close_matches(name, known) or known)}"
