"""The ledger: fingerprints of every step and of every checkpoint's leaves, as files to compare.

ledger.tsv has a line per step: its number, then a fingerprint of eight hexadecimal digits in each
of the columns `steps.MARKS`. Batch indices, latents, losses and gradients are in it whole at each
step; parameters, statistics, optimiser states and averages by sixteenths, each of them every
sixteen steps. leaves.jsonl has a row per checkpoint: the SHA-256 of every array, cut to 16 digits.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.runs import metrics_log
from jaxgan.runs.files import write_atomically

LEDGER, LEAVES, PREFIX = "ledger.tsv", "leaves.jsonl", "ledger/"
HEAD = "\t".join(("step", *CHECKSUM_COLUMNS)) + "\n"
LINE = len("\t") + 8  # characters of a fingerprint in a line


class Ledger(NamedTuple):
    """Rows of fingerprints.

    Attributes:
      steps: int64 (rows,), ascending.
      marks: uint32 (rows, len(MARKS)).
    """

    steps: np.ndarray
    checksums: np.ndarray

    def checksums_at(self, step: int) -> np.ndarray | None:
        """The row of a step; None where it is not recorded."""
        place = int(np.searchsorted(self.steps, step))
        found = place < len(self.steps) and self.steps[place] == step
        return self.checksums[place] if found else None


def append(workdir: Path, last_step: int, history: Mapping[str, np.ndarray]) -> None:
    """Adds the steps that end with `last_step`; they are on the disk when this returns."""
    marks = np.stack([history[PREFIX + name] for name in CHECKSUM_COLUMNS], axis=1)
    first = last_step - len(marks) + 1
    path = workdir / LEDGER
    with open(path, "a") as file:
        if not file.tell():
            file.write(HEAD)
        file.writelines(_line(step, row) for step, row in enumerate(marks.tolist(), start=first))
        file.flush()
        os.fsync(file.fileno())


def read(workdir: Path) -> Ledger:
    """What is recorded, less a last line that a kill cut short; empty where there is no file.

    Raises:
      UserError: another line is damaged, or the file is of other columns.
    """
    path = workdir / LEDGER
    text = path.read_text(errors="replace") if path.exists() else ""
    lines = text[: text.rfind("\n") + 1].splitlines()
    if lines and lines[0] + "\n" != HEAD:
        raise UserError(f"{path}: its first line is not {HEAD.strip()!r}; mend or delete it")
    rows = [_parsed(path, number, line) for number, line in enumerate(lines[1:], start=2)]
    steps = np.array([row[0] for row in rows], np.int64)
    marks = np.array([row[1:] for row in rows], np.uint32).reshape(len(rows), len(CHECKSUM_COLUMNS))
    if np.any(np.diff(steps) <= 0):
        where = int(np.flatnonzero(np.diff(steps) <= 0)[0]) + 3
        raise UserError(f"{path}: line {where}: its step is not above the one before")
    return Ledger(steps, marks)


def drop_after(workdir: Path, step: int) -> None:
    """Removes what is recorded of the steps that a resumed run will do again."""
    if (path := workdir / LEDGER).exists():
        steps, marks = read(workdir)
        kept = zip(steps[steps <= step].tolist(), marks[steps <= step].tolist(), strict=True)
        write_atomically(path, HEAD + "".join(_line(*row) for row in kept))
    metrics_log.drop_rows_after(workdir, step, LEAVES)


def append_leaves(workdir: Path, step: int, leaves: Mapping[str, np.ndarray]) -> None:
    """Adds the row of a checkpoint, from its arrays by name."""
    digests = {
        name: hashlib.sha256(leaf.tobytes()).hexdigest()[:16] for name, leaf in leaves.items()
    }
    metrics_log.append_rows(workdir, [{"step": step, "leaves": digests}], LEAVES)


def read_leaves(workdir: Path) -> dict[int, dict[str, str]]:
    """By step of each checkpoint that was made, the digest of every leaf by its name."""
    return {row["step"]: row["leaves"] for row in metrics_log.read_rows(workdir, LEAVES)}


def first_differing_checkpoint(a: Path, b: Path) -> tuple[int, list[str]] | None:
    """The first checkpoint whose leaves two runs recorded differently, and which; None of none."""
    old, new = read_leaves(a), read_leaves(b)
    for step in sorted(old.keys() & new.keys()):
        names = list(old[step] | new[step])
        if apart := [name for name in names if old[step].get(name) != new[step].get(name)]:
            return step, apart
    return None


def _line(step: int, marks: list[int]) -> str:
    return f"{step}\t" + "\t".join([f"{mark:08x}" for mark in marks]) + "\n"


def _parsed(path: Path, number: int, line: str) -> list[Any]:
    step, *marks = line.split("\t")
    try:
        if len(marks) != len(CHECKSUM_COLUMNS) or len(line) != len(step) + LINE * len(
            CHECKSUM_COLUMNS
        ):
            raise ValueError
        return [int(step), *(int(mark, 16) for mark in marks)]
    except ValueError:
        raise UserError(
            f"{path}: line {number} is damaged; mend or delete the file, then repeat the command"
        ) from None
