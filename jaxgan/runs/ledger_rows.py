"""The rows of a ledger in memory: of single steps, or of several steps that share a row."""

from typing import NamedTuple

import numpy as np

from jaxgan.gan.checksums import LEAF
from jaxgan.gan.steps import CHECKSUM_COLUMNS

BLOCK = 64  # steps that share a row


class Ledger(NamedTuple):
    """The checksums of the recorded steps.

    Attributes:
      steps: int64 (rows,), ascending: the last step of each row.
      checksums: uint32 (rows, len(CHECKSUM_COLUMNS)).
      first_steps: int64 (rows,): the first step of each row; equal to the last but in the old part
        of a long run's ledger.
    """

    steps: np.ndarray
    checksums: np.ndarray
    first_steps: np.ndarray

    def select(self, rows: np.ndarray) -> "Ledger":
        """Returns the rows of a mask or of indices."""
        return Ledger(self.steps[rows], self.checksums[rows], self.first_steps[rows])

    def row_with(self, step: int) -> "Ledger":
        """Returns the row that covers a step; an empty ledger if there is none."""
        return self.select((self.first_steps <= step) & (step <= self.steps))

    def all_steps(self) -> np.ndarray:
        """Returns every step that a row covers."""
        lengths = self.steps - self.first_steps + 1
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        return np.arange(lengths.sum()) - starts + np.repeat(self.first_steps, lengths)


def combine_checksums(checksums: np.ndarray) -> np.ndarray:
    """Returns one checksum for each column of a (steps, columns) array of uint32.

    It is the polynomial of `gan.checksums.combine_checksums`: one changed entry always changes it,
    and so does, almost always, any other difference.
    """
    total = np.zeros(checksums.shape[1:], np.uint32)
    for row in checksums:
        total = total * np.uint32(LEAF) + row
    return total


def combine_old(recorded: Ledger, last_step: int) -> Ledger:
    """Returns a ledger in which the steps up to `last_step` share rows, BLOCK steps in each.

    Rows that cover several steps already stay as they are.
    """
    is_old = (recorded.first_steps == recorded.steps) & (recorded.steps <= last_step)
    if not is_old.any():
        return recorded
    # A negative number for each block, and another one for each row that stays.
    rows = np.arange(len(recorded.steps))
    groups = np.where(is_old, -1 - (recorded.steps - 1) // BLOCK, rows)
    starts = np.flatnonzero(np.diff(groups, prepend=len(groups)))
    ends = np.append(starts[1:], len(groups)) - 1
    parts = np.split(recorded.checksums, starts[1:])
    checksums = [part[0] if len(part) == 1 else combine_checksums(part) for part in parts]
    return Ledger(recorded.steps[ends], np.array(checksums), recorded.first_steps[starts])


def combine_alike(a: Ledger, b: Ledger) -> tuple[Ledger, Ledger]:
    """Returns two ledgers with those steps combined that either of them has combined."""
    last = max(int(x.steps[x.first_steps < x.steps].max(initial=0)) for x in (a, b))
    return combine_old(a, last), combine_old(b, last)


def common_rows(a: Ledger, b: Ledger) -> tuple[Ledger, Ledger]:
    """Returns the rows of two ledgers, combined alike, that cover the same steps."""
    _, a_rows, b_rows = np.intersect1d(a.steps, b.steps, return_indices=True)
    same = a.first_steps[a_rows] == b.first_steps[b_rows]
    return a.select(a_rows[same]), b.select(b_rows[same])


def first_difference(a: Ledger, b: Ledger) -> tuple[int, int, list[str]] | None:
    """Returns first and last step of the first row that differs, and the columns that differ.

    None if all rows are equal. Both ledgers have rows of the same steps.
    """
    differs = a.checksums != b.checksums
    if not differs.any():
        return None
    row = int(np.argmax(differs.any(axis=1)))
    pairs = zip(CHECKSUM_COLUMNS, differs[row], strict=True)
    return int(a.first_steps[row]), int(a.steps[row]), [name for name, differ in pairs if differ]
