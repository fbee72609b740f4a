"""Stacked MNIST: three random digits as the channels of one image, a thousand modes."""

import numpy as np

from jaxgan.data.examples import Examples

SEEDS = {"train": 0, "test": 1}  # of numpy's RandomState, whose stream is frozen
CHANNELS = 3


def stack_digits(digits: Examples, count: int, split: str) -> Examples:
    """`count` images of three digits each, drawn with replacement; labels are 100 r + 10 g + b.

    Metz et al. 2017 (arXiv:1611.02163). `digits` are in canonical order, so that the stacks are
    the same whichever source the digits came from.
    """
    random = np.random.RandomState(SEEDS[split])
    chosen = random.randint(0, len(digits.pixels), (count, CHANNELS), np.int32)
    pixels = np.empty((count, *digits.pixels.shape[1:3], CHANNELS), np.uint8)
    labels = np.zeros(count, np.int32)
    for channel in range(CHANNELS):
        pixels[..., channel] = digits.pixels[chosen[:, channel], ..., 0]
        labels = labels * digits.classes + digits.labels[chosen[:, channel]]
    return Examples(pixels, labels, digits.classes**CHANNELS, f"stacks of {digits.source}")
