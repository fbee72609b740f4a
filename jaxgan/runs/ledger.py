"""The ledger: checksums of every step and every checkpoint, so that runs can be compared.

ledger.tsv has one line per step: its number and a checksum of eight hexadecimal digits for each of
`gan.steps.CHECKSUM_COLUMNS`. Batch indices, latents, losses and gradients are covered in full at
every step; each step covers another sixteenth of the parameters, statistics, optimizer states and
averages, so that sixteen steps cover all of them. leaves.jsonl has one row per checkpoint: the
first 16 digits of the SHA-256 of every array.

In a run of at least 2 * RECENT steps old steps share lines: "65-128" has, in each column, one
checksum of the checksums of steps 65 to 128. A difference in any of them changes it, and a replay
of these steps finds which.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.runs import row_files
from jaxgan.runs.atomic_files import append_text, write_atomically
from jaxgan.runs.layout import LEAVES, LEDGER
from jaxgan.runs.ledger_rows import BLOCK, Ledger, combine_old
from jaxgan.runs.retry import retry

HEADER = "\t".join(("step", *CHECKSUM_COLUMNS)) + "\n"
# A step, or the first and the last of several; numbers of more digits do not fit into 64 bits.
LINE = re.compile(
    rf"([0-9]{{1,18}})(?:-([0-9]{{1,18}}))?((?:\t[0-9a-f]{{8}}){{{len(CHECKSUM_COLUMNS)}}})"
)
RECENT = 2**15  # the newest steps, of which at least so many have a line of their own


def append(workdir: Path, last_step: int, columns: Mapping[str, np.ndarray]) -> None:
    """Appends the steps that end with `last_step`; they are on the disk when this returns."""
    checksums = np.stack([columns[name] for name in CHECKSUM_COLUMNS], axis=1)
    first = last_step - len(checksums) + 1
    rows = enumerate(checksums.tolist(), start=first)
    lines = "".join(_format_line(step, row) for step, row in rows)
    # As for the rows: the ledger must be complete before a later checkpoint is.
    path = workdir / LEDGER
    append_text(path, lines, header=HEADER)
    # Seldom, since it writes the whole file: a step costs the same however long the run is.
    if last_step // RECENT > (first - 1) // RECENT:
        # Not by `read`: a file that is away for a moment would count as an empty ledger.
        text = retry(lambda: path.read_text(errors="replace"), path)
        _write(workdir, _parse(path, text))


def read(workdir: Path) -> Ledger:
    """Reads a run's ledger; a last line that a kill cut short is left out.

    It is empty if there is no file.

    Raises:
      UserError: another line is damaged, or the columns are different ones.
    """
    path = workdir / LEDGER
    return _parse(path, path.read_text(errors="replace") if path.is_file() else "")


def drop_after(workdir: Path, step: int) -> list[int]:
    """Removes the records of later steps, which a resumed run will write again.

    Returns:
      The steps whose records are left.
    """
    recorded = read(workdir)
    recorded = recorded.select(recorded.steps <= step)
    if (workdir / LEDGER).exists():
        _write(workdir, recorded)
    row_files.drop_rows_after(workdir, step, LEAVES)
    left: list[int] = recorded.all_steps().tolist()
    return left


def append_leaves(workdir: Path, step: int, leaves: Mapping[str, np.ndarray]) -> None:
    """Appends the digests of a checkpoint's arrays, given by their names."""
    # The checkpoint's own SHA-256 is one for all arrays, and cannot tell which of them differs.
    digests = {name: hashlib.sha256(x.tobytes()).hexdigest()[:16] for name, x in leaves.items()}
    row_files.append_rows(workdir, [{"step": step, "leaves": digests}], LEAVES)


def read_leaves(workdir: Path) -> dict[int, dict[str, str]]:
    """Reads the digests of every recorded checkpoint, by its step and the name of the array."""
    return {row["step"]: row["leaves"] for row in row_files.read_rows(workdir, LEAVES)}


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


def _parse(path: Path, text: str) -> Ledger:
    """Parses the text of a ledger; its path is for errors."""
    lines = text[: text.rfind("\n") + 1].splitlines()
    if lines and lines[0] + "\n" != HEADER:
        raise UserError(f"{path}: its first line is not {HEADER.strip()!r}; fix or delete it")
    rows = [_parse_line(path, number, line) for number, line in enumerate(lines[1:], start=2)]
    first_steps, steps = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2).T
    checksums = np.array([row[2:] for row in rows], np.uint32)
    if len(wrong := np.flatnonzero(first_steps[1:] <= steps[:-1])):
        # The second row of the pair is wrong. Lines count from 1, and the header is the first.
        raise UserError(f"{path}: line {wrong[0] + 3}: its step is not above the one before")
    return Ledger(steps, checksums.reshape(len(rows), len(CHECKSUM_COLUMNS)), first_steps)


def _write(workdir: Path, recorded: Ledger) -> None:
    """Writes the whole ledger, with its old steps combined.

    Which steps are old depends on the last one only, so that a resumed run writes the same file.
    """
    last_step = int(recorded.steps.max(initial=0))
    recorded = combine_old(recorded, (last_step // RECENT - 1) * RECENT)
    lines = map(_format_line, *(array.tolist() for array in recorded))
    write_atomically(workdir / LEDGER, HEADER + "".join(lines))


def _format_line(step: int, checksums: list[int], first: int | None = None) -> str:
    steps = str(step) if first in (None, step) else f"{first}-{step}"
    return f"{steps}\t" + "\t".join([f"{checksum:08x}" for checksum in checksums]) + "\n"


def _parse_line(path: Path, number: int, line: str) -> list[int]:
    """Returns first step, last step and checksums of a line."""
    if match := LINE.fullmatch(line):
        first, last = int(match[1]), int(match[2] or match[1])
        # A line that claims to stand for billions of steps would fill the memory.
        if 0 < first <= last < first + BLOCK:
            return [first, last, *(int(cell, 16) for cell in match[3].split())]
    raise UserError(
        f"{path}: line {number} is damaged; fix or delete the file, then repeat the command"
    )
