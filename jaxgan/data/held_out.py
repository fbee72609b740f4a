"""Holds out a part of the images as a test split, chosen by a hash of their content."""

import hashlib

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data.examples import Examples
from jaxgan.data.lazy_array import LazyArray, blocks

DIGEST_BYTES = 8
PERSON = b"jaxgan held out"  # other hashes of the same images choose otherwise


def part_of(examples: Examples, split: str, fraction: float) -> Examples:
    """Returns the training or the test part of examples without splits.

    Equal images are in the same part, whatever their labels are, and an image stays in its part
    when others are added or removed.

    Args:
      split: "train" or "test".
      fraction: of the images that is held out, on average.

    Raises:
      UserError: the part is empty.
    """
    rows = (is_held_out(row, fraction) for block in blocks(examples.pixels) for row in block)
    held_out = np.fromiter(rows, bool, len(examples.pixels))
    chosen = np.flatnonzero(select(held_out, split, fraction, examples.source))
    pixels = examples.pixels
    part = pixels.take(chosen) if isinstance(pixels, LazyArray) else pixels[chosen]
    which = "held out" if split == "test" else "not held out"
    source = f"{examples.source}, {which} by config.data.held_out={fraction}"
    digests = examples.digests and [examples.digests[i] for i in chosen]
    labels = examples.labels[chosen]
    return examples._replace(pixels=part, labels=labels, source=source, digests=digests)


def is_held_out(image: np.ndarray, fraction: float) -> bool:
    """Returns whether an image is in the test part."""
    digest = hashlib.blake2b(image.tobytes(), digest_size=DIGEST_BYTES, person=PERSON).digest()
    return int.from_bytes(digest, "big") < int(fraction * 256**DIGEST_BYTES)


def select(held_out: np.ndarray, split: str, fraction: float, source: str) -> np.ndarray:
    """Returns whether each image is in a part.

    Args:
      held_out: whether each image of the source is held out.

    Raises:
      UserError: the part is empty.
    """
    chosen = held_out if split == "test" else ~held_out
    if not chosen.any():
        raise UserError(
            f"config.data.held_out = {fraction}: leaves no {split} images of the {len(held_out)} "
            f"in {source}; choose another fraction"
        )
    return chosen
