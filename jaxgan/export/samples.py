"""Generated images or points: an array for numpy, and a picture in a notebook."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.schema import DataConfig
from jaxgan.data import load_data
from jaxgan.plots import save_samples
from jaxgan.plots.pictures import Picture, draw_picture


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Samples:
    """Generated images or points.

    A notebook shows them where they are the last value of a cell. `numpy.asarray` gives the pixels,
    and so do indices.

    Attributes:
      pixels: uint8 (num, height, width, channels), or floats (num, dims).
      labels: int32 (num,); None if the generator is not class-conditional.
      columns: of the grid; 0 for a nearly square one.
      data: the settings of the training data, over which points are drawn.
    """

    pixels: np.ndarray
    labels: np.ndarray | None
    columns: int
    data: DataConfig

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the pixels."""
        return self.pixels.shape

    def picture(self) -> Picture:
        """Draws the images as a grid, or the points over real ones.

        Raises:
          UserError: the data of points cannot be read.
        """
        are_images = self.pixels.ndim == 4
        real = self.pixels if are_images else load_data(self.data).pixels[:]
        return draw_picture(lambda path: save_samples(path, self.pixels, real, self.columns))

    def save(self, path: Path | str) -> None:
        """Writes the picture as a PNG; an existing file is replaced."""
        self.picture().save(path)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: Any) -> np.ndarray:
        return self.pixels[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.pixels, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        kind = "images" if self.pixels.ndim == 4 else "points"
        return f"Samples({len(self)} {kind} of shape {self.shape[1:]})"

    def _repr_png_(self) -> bytes:
        return self.picture().png
