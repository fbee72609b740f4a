"""The metrics log and other row files of a run: one JSON object per line, each with a step."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.runs.atomic_files import append_text, json_safe, write_atomically
from jaxgan.runs.layout import METRICS


def append_rows(workdir: Path, rows: Iterable[dict[str, Any]], name: str = METRICS) -> None:
    """Appends rows to a file of the run; they are on the disk when this returns."""
    # A checkpoint must not be on the disk before the rows up to its step: a resumed run does not
    # write them again.
    append_text(workdir / name, "".join(map(_format_row, rows)))


def read_rows(workdir: Path, name: str = METRICS) -> list[dict[str, Any]]:
    """Reads all rows of a file; a last line that a kill cut short is left out.

    Raises:
      UserError: another line is damaged.
    """
    rows: list[dict[str, Any]] = []
    path = workdir / name
    lines = _lines(path)
    for number, line in enumerate(lines, start=1):
        row = _parse_row(line)
        if row is None and number < len(lines):
            raise UserError(
                f"{path}: line {number} is damaged; fix or delete it, then repeat the command"
            )
        if row is not None:
            rows.append(row)
    return rows


def read_rows_before_damage(workdir: Path, name: str = METRICS) -> list[dict[str, Any]]:
    """Reads the rows before the first damaged line, for those who want to see what there is."""
    rows = []
    for row in map(_parse_row, _lines(workdir / name)):
        if row is None:
            break
        rows.append(row)
    return rows


def drop_rows_after(workdir: Path, step: int, name: str = METRICS) -> list[dict[str, Any]]:
    """Removes the rows of later steps, which a resumed run will write again.

    Rows whose step is not above the one before are removed too.

    Returns:
      The rows that are left.
    """
    rows: list[dict[str, Any]] = []
    for row in read_rows(workdir, name):
        if (rows[-1]["step"] if rows else 0) < row["step"] <= step:
            rows.append(row)
    if (path := workdir / name).exists():
        write_atomically(path, "".join(map(_format_row, rows)))
    return rows


def _lines(path: Path) -> list[str]:
    # Bytes that are no text make their line damaged, which is what readers look for.
    return path.read_text(errors="replace").splitlines() if path.is_file() else []


def _format_row(row: dict[str, Any]) -> str:
    return json.dumps(json_safe(row), allow_nan=False) + "\n"


def _parse_row(line: str) -> dict[str, Any] | None:
    """Returns the row in a line, or None if it is not one that a run writes."""
    try:
        row = json.loads(line)
    # Python gives up on a number of thousands of digits, and on thousands of brackets in a row.
    except (ValueError, RecursionError):
        return None
    return row if _is_row(row) else None


def _is_row(row: Any) -> bool:
    """Returns whether a value has what is read from every row: one bit can rename or change it."""
    return (
        isinstance(row, dict)
        and type(row.get("step")) is int
        and (
            _is_number(row.get("epoch"))
            or isinstance(row.get("leaves"), dict)
            or type(row.get("redraw")) is int
        )
        and _is_number(row.get("seconds", 0))
        and all(map(_is_value, row.values()))
    )


def _is_value(value: Any) -> bool:
    """Returns whether a row can hold a value: a number, several of them, or digests by name."""
    return value is None or _is_number(value) or isinstance(value, list | dict)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
