"""The image sizes that a convolutional network can make: a small square, doubled several times."""

import dataclasses

from jaxgan.config.errors import UserError

ImageShape = tuple[int, ...]  # (height, width, channels) of images, (dims,) of points
# Sides of the smallest square. With 3 or 8 a side of images would have two ways to be made.
BASES = (4, 5, 6, 7)
DOUBLINGS = range(2, 7)


@dataclasses.dataclass(frozen=True)
class Resolution:
    """Square images with a side of base * 2**doublings."""

    base: int
    doublings: int
    image_channels: int


def resolution_for(name: str, image_shape: ImageShape) -> Resolution:
    """Returns the base and the number of doublings that give images of this shape.

    Raises:
      UserError: the network cannot make such images; the nearest sides that it can make are named.
    """
    sides = {base << doublings: (base, doublings) for doublings in DOUBLINGS for base in BASES}
    if len(image_shape) != 3:
        raise UserError(f"config.network.name = {name!r}: makes images, not points; mlp makes both")
    height, width, channels = image_shape
    if height != width or height not in sides:
        raise UserError(
            f"config.network.name = {name!r}: cannot make images of {height}x{width} pixels; it "
            f"makes square ones with a side of {', '.join(map(str, sorted(sides)))}: set "
            f"config.data.size to {_nearest(min(height, width), sorted(sides))} for image files, "
            "or config.network.name=mlp, which makes images of any size"
        )
    return Resolution(*sides[height], channels)


def _nearest(side: int, sides: list[int]) -> str:
    """Returns the next smaller and the next larger side, in words."""
    smaller = [known for known in sides if known <= side][-1:]
    larger = [known for known in sides if known > side][:1]
    return " or ".join(map(str, smaller + larger))
