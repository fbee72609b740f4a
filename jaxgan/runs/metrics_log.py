"""Row files of a run (JSON lines): appending, reading, and dropping later rows."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.runs.files import write_atomically
from jaxgan.runs.layout import METRICS


def append_rows(workdir: Path, rows: Iterable[dict[str, Any]], name: str = METRICS) -> None:
    """Adds rows to metrics.jsonl, or another; they are on the disk when this returns."""
    with open(workdir / name, "a") as file:
        file.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())


def read_rows(workdir: Path, name: str = METRICS) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl, or another, less a last one that a kill cut short.

    Raises:
      UserError: another row is damaged.
    """
    rows: list[dict[str, Any]] = []
    path = workdir / name
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        row = _parse_row(line)
        if row is None and number < len(lines):
            raise UserError(
                f"{path}: line {number} is damaged; mend or delete it, then repeat the command"
            )
        if row is not None:
            rows.append(row)
    return rows


def _parse_row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None


def drop_rows_after(workdir: Path, step: int, name: str = METRICS) -> list[dict[str, Any]]:
    """Removes rows of steps that a resumed run will do again, and second ones; returns the rest."""
    rows: list[dict[str, Any]] = []
    for row in read_rows(workdir, name):
        if (rows[-1]["step"] if rows else 0) < row["step"] <= step:
            rows.append(row)
    if (path := workdir / name).exists():
        write_atomically(path, "".join(json.dumps(row) + "\n" for row in rows))
    return rows
