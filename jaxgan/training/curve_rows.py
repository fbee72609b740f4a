"""Keeps the rows that the pictures of a run show: a bounded number, however long the run is."""

from collections.abc import Iterable
from typing import Any

LIMIT = 4000  # more points than a picture has columns of pixels
Row = dict[str, Any]


class CurveRows:
    """Evenly spaced rows of a run, its evaluated rows likewise, and its last row.

    Which rows are kept depends on the rows alone, so that a resumed run draws the same pictures.

    Attributes:
      newest: the last row; {} before there is one.
      count: how many rows have been added.
    """

    def __init__(self, rows: Iterable[Row]):
        self.newest: Row = {}
        self.count = 0
        self._all, self._evaluated = _SpacedRows(), _SpacedRows()
        self.add(rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Adds the newest rows."""
        for row in rows:
            self.newest = row
            self.count += 1
            self._all.add(row)
            # Few rows have an evaluation, and the steps between those kept would miss most of them.
            if any(name.startswith("eval/") for name in row):
                self._evaluated.add(row)

    def kept(self) -> list[Row]:
        """Returns the rows in ascending order of their steps; at most 2 * LIMIT + 1."""
        newest = [self.newest] if self.newest else []
        by_step = {row["step"]: row for row in (*self._all.rows, *self._evaluated.rows, *newest)}
        return [by_step[step] for step in sorted(by_step)]


class _SpacedRows:
    """The first row and each so many after it; the spacing doubles when there are too many."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._seen, self._spacing = 0, 1

    def add(self, row: Row) -> None:
        if self._seen % self._spacing == 0:
            self.rows.append(row)
        self._seen += 1
        if len(self.rows) > LIMIT:
            self.rows = self.rows[::2]
            self._spacing *= 2
