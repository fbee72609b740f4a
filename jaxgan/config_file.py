"""Config files: Python modules whose `get_config()` edits the default settings."""

import importlib.util
import os
import sys
import traceback
from pathlib import Path

from ml_collections import ConfigDict

from jaxgan.config import Config, UserError, from_mapping, override
from jaxgan.settings import literal


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
        text = str(literal(text))
    first, *others = text.strip().splitlines() or [repr(error)]
    helps = [line for line in others if line.startswith("Did you mean")]
    return " ".join([first.split(" Other fields present:")[0], *helps])
