"""Saves the data of a figure in place of its picture, which takes matplotlib about a second."""

import contextlib
import hashlib

import matplotlib.figure
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Figure = matplotlib.figure.Figure
_DRAWN = {name: getattr(Figure, name) for name in ("savefig", "tight_layout")}


def save_data_of_figures():
    """Lets every figure of this process be saved as its data."""
    Figure.savefig = _save_data
    Figure.tight_layout = lambda figure: None


@contextlib.contextmanager
def drawn_figures():
    """Figures are saved as pictures within this context."""
    for name, method in _DRAWN.items():
        setattr(Figure, name, method)
    yield
    save_data_of_figures()


def _save_data(figure, file, **options):
    """Writes a PNG of one pixel that holds the SHA-256 of what the figure shows."""
    parts = [options, figure.get_size_inches(), figure.get_suptitle()]
    for axes in figure.axes:
        parts += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        parts += [axes.get_xlim(), axes.get_ylim(), axes.get_xscale(), axes.get_yscale()]
        parts += [(text.get_text(), text.get_position()) for text in axes.texts]
        parts += [(line.get_label(), line.get_color(), line.get_xydata()) for line in axes.lines]
        parts += [image.get_array() for image in axes.images]
        for collection in axes.collections:
            parts += [collection.get_label(), collection.get_facecolor(), collection.get_offsets()]
            parts += [path.vertices for path in collection.get_paths()]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    info = PngInfo()
    info.add_text("SHA-256", digest.hexdigest())
    Image.new("L", (1, 1)).save(file, format="png", pnginfo=info)
