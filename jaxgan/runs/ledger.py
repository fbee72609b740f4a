"""The ledger: checksums of every step and every checkpoint, so that runs can be compared.

ledger.tsv has one line per step: its number and a checksum of eight hexadecimal digits for each of
`gan.steps.CHECKSUM_COLUMNS`. Batch indices, latents, losses and gradients are covered in full at
every step; each step covers another sixteenth of the parameters, statistics, optimizer states and
averages, so that sixteen steps cover all of them. leaves.jsonl has one row per checkpoint: the
first 16 digits of the SHA-256 of every array.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.runs import row_files
from jaxgan.runs.atomic_files import write_atomically
from jaxgan.runs.layout import LEAVES, LEDGER

HEADER = "\t".join(("step", *CHECKSUM_COLUMNS)) + "\n"


class Ledger(NamedTuple):
    """The checksums of the recorded steps.

    Attributes:
      steps: int64 (rows,), ascending.
      checksums: uint32 (rows, len(CHECKSUM_COLUMNS)).
    """

    steps: np.ndarray
    checksums: np.ndarray

    def checksums_at(self, step: int) -> np.ndarray:
        """Returns the checksums of a recorded step."""
        return self.checksums[np.searchsorted(self.steps, step)]


def append(workdir: Path, last_step: int, columns: Mapping[str, np.ndarray]) -> None:
    """Appends the steps that end with `last_step`; they are on the disk when this returns."""
    checksums = np.stack([columns[name] for name in CHECKSUM_COLUMNS], axis=1)
    first = last_step - len(checksums) + 1
    with open(workdir / LEDGER, "a") as file:
        if not file.tell():
            file.write(HEADER)
        rows = enumerate(checksums.tolist(), start=first)
        file.writelines(_format_line(step, row) for step, row in rows)
        file.flush()
        # As for the rows: the ledger must be complete before a later checkpoint is.
        os.fsync(file.fileno())


def read(workdir: Path) -> Ledger:
    """Reads a run's ledger; a last line that a kill cut short is left out.

    It is empty if there is no file.

    Raises:
      UserError: another line is damaged, or the columns are different ones.
    """
    path = workdir / LEDGER
    text = path.read_text(errors="replace") if path.is_file() else ""
    lines = text[: text.rfind("\n") + 1].splitlines()
    if lines and lines[0] + "\n" != HEADER:
        raise UserError(f"{path}: its first line is not {HEADER.strip()!r}; fix or delete it")
    rows = [_parse_line(path, number, line) for number, line in enumerate(lines[1:], start=2)]
    steps = np.array([row[0] for row in rows], np.int64)
    checksums = np.array([row[1:] for row in rows], np.uint32)
    if len(wrong := np.flatnonzero(np.diff(steps) <= 0)):
        # The second row of the pair is wrong. Lines count from 1, and the header is the first.
        raise UserError(f"{path}: line {wrong[0] + 3}: its step is not above the one before")
    return Ledger(steps, checksums.reshape(len(rows), len(CHECKSUM_COLUMNS)))


def drop_after(workdir: Path, step: int) -> list[int]:
    """Removes the records of later steps, which a resumed run will write again.

    Returns:
      The steps whose lines are left.
    """
    steps, checksums = read(workdir)
    kept = steps <= step
    left: list[int] = steps[kept].tolist()
    if (path := workdir / LEDGER).exists():
        rows = zip(left, checksums[kept].tolist(), strict=True)
        write_atomically(path, HEADER + "".join(_format_line(*row) for row in rows))
    row_files.drop_rows_after(workdir, step, LEAVES)
    return left


def append_leaves(workdir: Path, step: int, leaves: Mapping[str, np.ndarray]) -> None:
    """Appends the digests of a checkpoint's arrays, given by their names."""
    # The checkpoint's own SHA-256 is one for all arrays, and cannot tell which of them differs.
    digests = {name: hashlib.sha256(x.tobytes()).hexdigest()[:16] for name, x in leaves.items()}
    row_files.append_rows(workdir, [{"step": step, "leaves": digests}], LEAVES)


def read_leaves(workdir: Path) -> dict[int, dict[str, str]]:
    """Reads the digests of every recorded checkpoint, by its step and the name of the array."""
    return {row["step"]: row["leaves"] for row in row_files.read_rows(workdir, LEAVES)}


def first_differing_step(a: Ledger, b: Ledger) -> tuple[int, list[str]] | None:
    """Returns the first common step with different checksums, and the columns that differ.

    None if all common steps are equal.
    """
    steps, a_rows, b_rows = np.intersect1d(a.steps, b.steps, return_indices=True)
    differs = a.checksums[a_rows] != b.checksums[b_rows]
    if not differs.any():
        return None
    row = int(np.argmax(differs.any(axis=1)))
    pairs = zip(CHECKSUM_COLUMNS, differs[row], strict=True)
    return int(steps[row]), [name for name, differ in pairs if differ]


def first_differing_checkpoint(a: Path, b: Path) -> tuple[int, list[str]] | None:
    """Returns the step of the first checkpoint that differs between two runs, and its arrays.

    None if all checkpoints that both runs recorded are the same.
    """
    old, new = read_leaves(a), read_leaves(b)
    for step in sorted(old.keys() & new.keys()):
        names = list(old[step] | new[step])
        if differing := [name for name in names if old[step].get(name) != new[step].get(name)]:
            return step, differing
    return None


def _format_line(step: int, checksums: list[int]) -> str:
    return f"{step}\t" + "\t".join([f"{checksum:08x}" for checksum in checksums]) + "\n"


def _parse_line(path: Path, number: int, line: str) -> list[int]:
    step, *cells = line.split("\t")
    width = len(step) + len(CHECKSUM_COLUMNS) * len("\t01234567")
    try:
        # The length shows a lost character, which `int` would pass: it takes any number of digits.
        if len(cells) != len(CHECKSUM_COLUMNS) or len(line) != width:
            raise ValueError
        return [int(step), *(int(cell, 16) for cell in cells)]
    except ValueError:
        raise UserError(
            f"{path}: line {number} is damaged; fix or delete the file, then repeat the command"
        ) from None
