"""Gathers the examples of some steps on the host, for data that does not stay on the device."""

from typing import Any

import numpy as np

from jaxgan.types import GatheredExamples


def gather(pixels: Any, labels: Any, rows: np.ndarray) -> GatheredExamples:
    """Reads the examples at `rows`, an array of indices of any shape, into the host's memory."""
    # Flat, since a `LazyArray` reads a list of examples.
    selected = pixels[rows.reshape(-1)].reshape(*rows.shape, *pixels.shape[1:])
    return GatheredExamples(selected, None if labels is None else labels[rows])
