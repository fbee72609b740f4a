"""Writes files whole or not at all, and JSON without NaN."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from jaxgan.config.errors import UserError


def json_safe(value: Any) -> Any:
    """The same with null for NaN and infinity, for which JSON has no words."""
    if isinstance(value, dict):
        return {name: json_safe(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [json_safe(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error})") from None


def write_atomically(path: Path, text: str) -> None:
    """Replaces a text whole, as `replace_file`."""
    replace_file(path, lambda file: file.write(text.encode()))


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replaces a file whole: a reader, or a kill, meets the old content or the new.

    What cannot be written to the end leaves nothing behind.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        with open(new, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
