"""Weights, latents and batches of the golden runs, made by numpy for both frameworks.

`RandomState` is frozen: these numbers are the same under every version of numpy.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

STEPS, BATCH = 100, 64
LEARNING_RATE, B1, B2, EPS = 2e-4, 0.9, 0.999, 1e-8
SLOPE = 0.2


class Size(NamedTuple):
    """Widths from z to image, and from image to logit."""

    gen: tuple[int, ...]
    disc: tuple[int, ...]
    image_shape: tuple[int, int, int]


SIZES = {
    "small": Size((8, 12, 16, 18), (18, 16, 12, 1), (3, 3, 2)),
    "classic": Size((100, 256, 512, 784), (784, 512, 256, 1), (28, 28, 1)),
}


def weights(widths: tuple[int, ...], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(kernel, bias) per layer, U(-1/sqrt(fan_in), 1/sqrt(fan_in)); kernels are (in, out)."""
    random = np.random.RandomState(seed)
    return [
        (
            random.uniform(-(fan_in**-0.5), fan_in**-0.5, (fan_in, fan_out)),
            random.uniform(-(fan_in**-0.5), fan_in**-0.5, fan_out),
        )
        for fan_in, fan_out in pairwise(widths)
    ]


def latents_and_batches(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """z (STEPS, BATCH, latent) and flat images (STEPS, BATCH, pixels) in [-1, 1]."""
    random = np.random.RandomState(3)
    z = random.standard_normal((STEPS, BATCH, size.gen[0]))
    return z, random.uniform(-1, 1, (STEPS, BATCH, size.disc[0]))
