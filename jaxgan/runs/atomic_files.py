"""Atomic writing of files, and JSON in which null stands for NaN and infinity."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from jaxgan.config.errors import UserError
from jaxgan.runs.retry import retry


def json_safe(value: Any) -> Any:
    """Returns a value with None for NaN and infinity, which JSON cannot hold."""
    if isinstance(value, dict):
        return {name: json_safe(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented JSON; the file is replaced atomically."""
    # Python would write NaN and Infinity, which other readers of JSON refuse.
    write_atomically(path, json.dumps(json_safe(value), indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
      UserError: its content is not JSON.
    """
    try:
        return json.loads(path.read_text())
    # Python's parser calls itself for each bracket, and gives up on a file of brackets.
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged ({error})") from None


def write_atomically(path: Path, text: str) -> None:
    """Replaces the content of a text file, as `replace_file` does."""
    # A path in the text can be no UTF-8.
    content = text.encode("utf-8", "backslashreplace")
    replace_file(path, lambda file: file.write(content))


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replaces a file atomically.

    After a kill at any moment the file has either the old content or the new. If writing fails,
    the old content stays and no temporary file is left.

    Args:
      write: writes the content; called again if the file system fails for a moment.
    """
    retry(lambda: _replace_file(path, write), path)


def append_text(path: Path, text: str, header: str = "") -> None:
    """Appends to a text file; all of it is on the disk when this returns.

    Args:
      header: comes first if the file is new or empty.
    """
    size: int | None = None

    def append() -> None:
        nonlocal size
        with open(path, "a") as file:
            if size is None:
                size = file.tell()
            file.truncate(size)  # an earlier try may have written a part
            file.write(text if size else header + text)
            file.flush()
            os.fsync(file.fileno())

    retry(append, path)


def _replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    # In the same folder, since a file can be renamed atomically only within a file system. Hidden,
    # since `check_workdir` does not count hidden files.
    new = path.with_name(f".{path.name}.new")
    # A kill may have left one. Removed and made anew, since it could be a link to another file.
    new.unlink(missing_ok=True)
    try:
        with open(new, "xb") as file:
            write(file)
            file.flush()
            # Else a power failure may leave the new name with none of the new content.
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
