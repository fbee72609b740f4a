"""Pictures of samples: grids of images and scatter plots of points."""

from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.config.errors import UserError
from jaxgan.plots.figure import new_figure, save_figure
from jaxgan.runs.atomic_files import replace_file

PADDING = 2  # pixels between the images of a grid
SIDE = 56  # smaller images are enlarged by a whole factor, up to about this size in pixels
WHITE = 255
GRID = 64  # images in a sample grid
SCATTER = 2_500  # points in a scatter plot; the protocols of ring and grid score as many
MARGIN = 0.25  # on each side of the real points, as a fraction of their extent


def samples_shown(shape: tuple[int, ...]) -> int:
    """Returns how many examples of this shape a picture of samples shows."""
    return GRID if len(shape) == 3 else SCATTER


def save_samples(path: Path, samples: np.ndarray, real: np.ndarray, columns: int = 0) -> None:
    """Draws uint8 pixels as a grid, or points as a scatter plot over the first real ones.

    Args:
      columns: of the grid; 0 for a nearly square one.
    """
    if samples.ndim == 4:
        save_image(path, grid_of(samples, columns))
    else:
        save_scatter(path, samples, real[:SCATTER])


def grid_of(pixels: np.ndarray, columns: int = 0, scale: int = 0) -> np.ndarray:
    """Returns uint8 pixels (n, height, width, channels) as one picture, row by row.

    Args:
      columns: 0 for a nearly square grid.
      scale: each pixel becomes as many in width and height; 0: so that an image has about `SIDE`.

    Returns:
      uint8 (height, width, channels), grey, RGB or RGBA.
    """
    pixels = to_displayable(pixels)
    # A whole factor repeats pixels; any other would blur them.
    scale = scale or max(1, SIDE // max(pixels.shape[1:3]))
    pixels = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, channels = pixels.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    cell_height, cell_width = height + PADDING, width + PADDING
    shape = (rows * cell_height + PADDING, columns * cell_width + PADDING, channels)
    canvas = np.full(shape, WHITE, np.uint8)
    for i, image in enumerate(pixels):
        top = PADDING + (i // columns) * cell_height
        left = PADDING + (i % columns) * cell_width
        canvas[top : top + height, left : left + width] = image
    return canvas


def read_grid(path: Path, image_size: tuple[int, int]) -> np.ndarray:
    """Reads the images of a grid that `save_grid` wrote, at the size that they had.

    Args:
      image_size: height and width of an image before it was enlarged.

    Returns:
      uint8 (n, height, width, channels); the cells after the last image are white.

    Raises:
      UserError: the file is damaged, or no grid of images of this size.
    """
    canvas = np.asarray(open_picture(path))
    scale = max(1, SIDE // max(image_size))
    cell = [side * scale + PADDING for side in image_size]
    height, width = (length - PADDING for length in canvas.shape[:2])
    rows, columns = height // cell[0], width // cell[1]
    if not rows or not columns or height % cell[0] or width % cell[1]:
        size = "x".join(map(str, image_size))
        raise UserError(f"{path}: is no grid of images of {size}")
    cells = canvas[PADDING:, PADDING:].reshape(rows, cell[0], columns, cell[1], -1).swapaxes(1, 2)
    images = cells[:, :, : cell[0] - PADDING : scale, : cell[1] - PADDING : scale]
    return images.reshape(rows * columns, *images.shape[2:])


def open_picture(path: Path) -> Image.Image:
    """Reads a picture file.

    Raises:
      UserError: it is damaged.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture
    # Pillow has no common class of errors for damaged files.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: is damaged ({str(error).splitlines()[0]})") from None


def save_image(path: Path, pixels: np.ndarray) -> None:
    """Writes uint8 pixels (height, width, channels) as a PNG of that size."""
    picture = to_picture(pixels)
    replace_file(path, lambda file: picture.save(file, format="png"))


def to_picture(pixels: np.ndarray) -> Image.Image:
    """Returns uint8 pixels (height, width, channels) as one of Pillow's images."""
    pixels = to_displayable(pixels)
    # Pillow takes grey pixels without an axis of channels.
    return Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)


def to_displayable(pixels: np.ndarray) -> np.ndarray:
    """Returns pixels (..., channels) as grey, RGB or RGBA.

    Two channels become red and green; of more than four, the first three are kept.
    """
    channels = pixels.shape[-1]
    if channels == 2:
        return np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=-1)
    return pixels[..., :3] if channels > 4 else pixels


def save_scatter(path: Path, points: np.ndarray, real: np.ndarray) -> None:
    """Draws generated points (n, 2) over real ones (m, 2).

    The limits of the axes depend only on the real points, so that pictures of a run can be
    compared. The legend says how many generated points are outside.
    """
    middle, half = plot_limits(real)
    outside = len(points) - int(np.sum(np.all(np.abs(points - middle) <= half, axis=1)))
    beyond = f", {outside} of them outside" if outside else ""
    figure = new_figure(7, 7)
    axis = figure.subplots()
    axis.scatter(
        real[:, 0], real[:, 1], s=12, c="lightgrey", linewidths=0, label=f"{len(real)} real"
    )
    label = f"{len(points)} generated{beyond}"
    axis.scatter(points[:, 0], points[:, 1], s=3, c="tab:blue", linewidths=0, label=label)
    axis.set(xlabel="x", ylabel="y", aspect="equal")
    axis.set_xlim(middle[0] - half, middle[0] + half)
    axis.set_ylim(middle[1] - half, middle[1] + half)
    axis.legend(loc="upper right")
    save_figure(path, figure)


def plot_limits(real: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the middle of the square that shows real points (m, 2), and half of its side."""
    low, high = real.min(axis=0), real.max(axis=0)
    # The wider extent, since both axes have one scale.
    return (low + high) / 2, float((0.5 + MARGIN) * (high - low).max())
