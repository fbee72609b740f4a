"""Pictures inside of a page: small, and each there once."""

import base64
import dataclasses
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.plots.grids import open_picture
from jaxgan.reports.markup import text

QUALITIES = (90, 75, 50)  # of lossy WebP, tried in turn
WIDTH = 1024  # pixels; a page shows none larger


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Pictures as data URIs.

    Attributes:
      quality: of lossy WebP; 0 if every pixel is kept.
    """

    uris: list[str]
    sizes: list[tuple[int, int]]
    quality: int


def read_picture(path: Path) -> Image.Image:
    """Reads a picture file in colour.

    Raises:
      UserError: it is damaged.
    """
    picture = open_picture(path)
    return picture.convert("RGBA" if "A" in picture.getbands() else "RGB")


def encode(pictures: Sequence[Image.Image], budget: int) -> Encoded:
    """Encodes pictures, without loss if they fit into a number of bytes.

    Larger ones are made smaller, and what still does not fit loses quality.
    """
    shrunk = [shrink(picture) for picture in pictures]
    sizes = [picture.size for picture in shrunk]
    for quality in (0, *QUALITIES):
        contents = []
        for picture in shrunk:
            contents.append(_webp(picture, quality))
            # The rest would be encoded for nothing.
            if sum(map(len, contents)) > budget and quality != QUALITIES[-1]:
                break
        else:
            break
    return Encoded([_uri(content) for content in contents], sizes, quality)


def image_html(uri: str, size: tuple[int, int], alt: str, attributes: str = "") -> str:
    """Returns an image element; `attributes` is HTML."""
    width, height = size
    return f'<img src="{uri}" width="{width}" height="{height}" alt="{text(alt)}" {attributes}>'


def tile(cells: Iterable[np.ndarray], columns: int, gap: int = 1) -> Image.Image:
    """Puts uint8 images (height, width, 1, 3 or 4) of one size in rows, with transparent gaps."""
    images = [np.asarray(cell) for cell in cells]
    height, width, channels = images[0].shape
    rows = -(-len(images) // columns)
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap)
    canvas = np.zeros((*size, 4), np.uint8)
    for index, image in enumerate(images):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        colours = image if channels >= 3 else image.repeat(3, axis=-1)
        block = canvas[top : top + height, left : left + width]
        block[..., 3] = 255
        block[..., : colours.shape[-1]] = colours
    return Image.fromarray(canvas)


def shrink(picture: Image.Image) -> Image.Image:
    """Returns a picture no wider than the page shows it."""
    if picture.width <= WIDTH:
        return picture
    size = (WIDTH, max(1, round(picture.height * WIDTH / picture.width)))
    return picture.resize(size, Image.Resampling.BOX)


def _webp(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    # Without loss, `quality` is the effort; more of it took longer and saved nothing.
    picture.save(file, "WEBP", lossless=not quality, quality=quality or 25, method=4)
    return file.getvalue()


def _uri(content: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}"
