"""Spread: how much the examples of a set differ from each other."""

import numpy as np
from jax.typing import ArrayLike


def example_spread(examples: ArrayLike) -> float:
    """Returns the root of the mean squared deviation of examples (n, ...) from their mean.

    In the unit of the pixels or points: 0 if all are equal, NaN if one is not finite. It depends on
    the variance only, so a generator that repeats a few different examples is not noticed.
    """
    with np.errstate(invalid="ignore"):
        variances = np.var(np.asarray(examples, np.float32), axis=0)
    return float(np.sqrt(variances.mean(dtype=np.float64)))
