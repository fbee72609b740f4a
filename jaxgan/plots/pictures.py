"""Pictures that a notebook shows inline."""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

from jaxgan.config.paths import expand_path
from jaxgan.runs.atomic_files import replace_file


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture that a notebook shows where it is the last value of a cell."""

    png: bytes = dataclasses.field(repr=False)

    def save(self, path: Path | str) -> None:
        """Writes the picture as a PNG; an existing file is replaced."""
        replace_file(expand_path(str(path)), lambda file: file.write(self.png))

    def _repr_png_(self) -> bytes:
        return self.png


def draw_picture(save: Callable[[Path], object]) -> Picture:
    """Returns the picture that a function draws into the PNG file that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        save(path)
        return Picture(path.read_bytes())
