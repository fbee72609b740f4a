"""Draws samples as one frame of an animation: a grid of images, or points over real ones."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.data import load_data
from jaxgan.plots import grid_of
from jaxgan.plots.grids import SCATTER
from jaxgan.plots.point_frames import Plane, plane_of

SIDE = 448  # of a picture of points
CAPTION = 16  # height of the line of text under a frame

Drawing = Callable[[np.ndarray], np.ndarray]


def drawing_of(config: Config, shape: tuple[int, ...], size: int) -> Drawing:
    """Returns a function from samples to a frame, uint8 (height, width, channels).

    Args:
      shape: of one example.
      size: as in `AnimateRequest`.
    """
    if len(shape) == 3:
        return lambda pixels: grid_of(pixels, scale=size)
    return plane_with_data(config, shape, size).draw


def plane_with_data(config: Config, shape: tuple[int, ...], size: int) -> Plane:
    """Returns the plane of the real points that a picture shows.

    Raises:
      UserError: the points are not in a plane.
    """
    if shape != (2,):
        raise UserError(f"{config.data.name}: has points of {shape[0]} values; animations need 2")
    return plane_of(np.asarray(load_data(config.data).pixels[:SCATTER]), size or SIDE)


def add_caption(frame: np.ndarray, text: str) -> np.ndarray:
    """Adds a white line under a frame with a text."""
    _, width, channels = frame.shape
    line = Image.new("L", (width, CAPTION), "white")
    ImageDraw.Draw(line).text((4, 1), text, fill="black", font=ImageFont.load_default())
    added = np.repeat(np.asarray(line)[..., None], channels, axis=2)
    return np.concatenate([frame, added])
