"""The pictures of samples that training has saved in `samples/`."""

import re
from pathlib import Path
from typing import NamedTuple

from jaxgan.config.schema import TrainConfig
from jaxgan.runs import layout
from jaxgan.runs.plan import images_per_step

NAME = re.compile(r"(epoch|images)_(\d+)\.png")


class SavedGrid(NamedTuple):
    """A picture of a state after so many steps; its file names an epoch, or a number of images."""

    step: int
    unit: str
    number: int
    path: Path

    @property
    def position(self) -> str:
        """Its place in the training, in words."""
        return f"epoch {self.number}" if self.unit == "epoch" else f"{self.number:,} images"


def saved_grids(workdir: Path, train: TrainConfig, steps_per_epoch: int) -> list[SavedGrid]:
    """Returns the pictures of a run in the order of its training; other files are left out.

    A run whose length was changed from epochs to images, or back, has pictures of both names.

    Args:
      steps_per_epoch: number of steps in one pass over the data.
    """
    found = []
    for path in (workdir / layout.SAMPLES).glob("*.png"):
        # A pipe would keep its reader waiting.
        if (match := NAME.fullmatch(path.name)) and path.is_file():
            unit, number = match[1], int(match[2])
            step = number * steps_per_epoch if unit == "epoch" else number // images_per_step(train)
            found.append(SavedGrid(step, unit, number, path))
    return sorted(found)
