"""Draws points for animations: pictures of one size, a hundredth of a second each.

Matplotlib, which draws the scatter plots of a run, would take most of a second for each.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from jaxgan.plots.grids import plot_limits

Colour = tuple[int, int, int]
REAL, FAKE = (150, 150, 150), (20, 20, 20)
AS_FAKE, AS_REAL = np.array([103, 140, 205.0]), np.array([235, 150, 90.0])  # sides of the surface
REAL_RADIUS, FAKE_RADIUS = 0.004, 0.003  # of a picture's side
SURFACE = 96  # values of the surface along each side


class Plane(NamedTuple):
    """The square of the plane that all pictures of an animation show, with real points in it.

    Attributes:
      real: points (n, 2).
      middle, half: of the square, and half of its side.
      side: of the pictures, in pixels.
    """

    real: np.ndarray
    middle: np.ndarray
    half: float
    side: int

    def surface_points(self) -> np.ndarray:
        """Returns float32 (SURFACE * SURFACE, 2), the middles of cells, row by row from the top."""
        offsets = ((np.arange(SURFACE) + 0.5) / SURFACE * 2 - 1) * self.half
        x, y = np.meshgrid(self.middle[0] + offsets, self.middle[1] - offsets)
        return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)

    def draw(self, points: np.ndarray, surface: np.ndarray | None = None) -> np.ndarray:
        """Draws real points in grey and generated ones in black.

        Args:
          surface: probabilities at `surface_points` that D takes a point for a real one: orange
            where they are high, blue where they are low, white at 1/2.

        Returns:
          uint8 (side, side, 3).
        """
        size = (self.side, self.side)
        picture = Image.new("RGB", size, "white")
        if surface is not None:
            colours = Image.fromarray(_surface_colours(surface.reshape(SURFACE, SURFACE)))
            picture = colours.resize(size, Image.Resampling.BILINEAR)
        draw = ImageDraw.Draw(picture)
        self._draw_discs(draw, self.real, REAL, REAL_RADIUS)
        self._draw_discs(draw, points, FAKE, FAKE_RADIUS)
        return np.asarray(picture)

    def _draw_discs(
        self, draw: ImageDraw.ImageDraw, points: np.ndarray, colour: Colour, radius: float
    ) -> None:
        radius *= self.side
        places = (points - self.middle) / self.half * np.array([0.5, -0.5]) + 0.5
        # Those far outside are beyond Pillow's integers.
        near = np.all(np.abs(places) < 2, axis=1)
        for x, y in (places[near] * self.side).tolist():
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def plane_of(real: np.ndarray, side: int) -> Plane:
    """Returns the square that the scatter plots of a run show."""
    return Plane(real, *plot_limits(real), side)


def _surface_colours(probabilities: np.ndarray) -> np.ndarray:
    """Maps probabilities to uint8 colours: blue at 0, white at 1/2, orange at 1."""
    strength = np.abs(2 * np.nan_to_num(probabilities, nan=0.5) - 1)[..., None]
    side = np.where(probabilities[..., None] > 0.5, AS_REAL, AS_FAKE)
    return np.round(255 + strength * (side - 255)).astype(np.uint8)
