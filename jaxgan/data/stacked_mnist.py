"""Stacked MNIST: three random digits as the channels of one image, which gives 1,000 modes."""

import numpy as np

from jaxgan.data.examples import Examples

SEEDS = {"train": 0, "test": 1}
CHANNELS = 3


def stack_digits(digits: Examples, count: int, split: str) -> Examples:
    """Draws `count` images of three digits each, with replacement.

    The data set is that of Metz et al. 2017 (arXiv:1611.02163).

    Args:
      digits: MNIST in canonical order, so that the stacks are the same for every source.
      count: number of images.
      split: selects the seed.

    Returns:
      Images with the labels 100 r + 10 g + b.
    """
    # RandomState is the generator whose stream numpy has frozen; the set's SHA-256 relies on it.
    random = np.random.RandomState(SEEDS[split])
    chosen = random.randint(0, len(digits.pixels), (count, CHANNELS), np.int32)
    pixels = np.empty((count, *digits.pixels.shape[1:3], CHANNELS), np.uint8)
    labels = np.zeros(count, np.int32)
    for channel in range(CHANNELS):
        pixels[..., channel] = digits.pixels[chosen[:, channel], ..., 0]
        labels = labels * digits.classes + digits.labels[chosen[:, channel]]
    return Examples(pixels, labels, digits.classes**CHANNELS, f"stacks of {digits.source}")
