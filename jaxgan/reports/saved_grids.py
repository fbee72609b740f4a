"""The pictures of samples that training has saved in `samples/`."""

import re
from pathlib import Path
from typing import NamedTuple

from jaxgan.runs import layout

NAME = re.compile(r"(epoch|images)_(\d+)\.png")


class SavedGrid(NamedTuple):
    """A picture that was saved at an epoch, or after a number of images."""

    unit: str
    number: int
    path: Path

    @property
    def position(self) -> str:
        """Its place in the training, in words."""
        return f"epoch {self.number}" if self.unit == "epoch" else f"{self.number:,} images"


def saved_grids(workdir: Path) -> list[SavedGrid]:
    """Returns the pictures of a run in the order of its training; other files are left out."""
    found = []
    for path in (workdir / layout.SAMPLES).glob("*.png"):
        # A pipe would keep its reader waiting.
        if (match := NAME.fullmatch(path.name)) and path.is_file():
            found.append(SavedGrid(match[1], int(match[2]), path))
    return sorted(found)
