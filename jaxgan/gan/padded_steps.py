"""One program for any number of steps: rows that fill a call up to its length, and a count.

Only on CPU: the number of steps is part of a program elsewhere, since a GPU would wait for the host
in every step to learn whether there is one more.
"""

from typing import Any

import jax
import numpy as np


def has_one_program() -> bool:
    """Returns True where `train_epoch` gets its number of steps as an argument: on CPU."""
    return jax.default_backend() == "cpu"


def pad_steps(tree: Any, rows: int, axis: int) -> tuple[Any, np.ndarray]:
    """Fills an axis over steps with zeros up to the length that the program has.

    Args:
      tree: arrays of numpy, all with the same number of steps.

    Returns:
      The arrays, and their number of steps before.
    """
    steps = jax.tree.leaves(tree)[0].shape[axis]

    def pad(array: np.ndarray) -> np.ndarray:
        if steps == rows:
            return array
        widths = [(0, 0)] * array.ndim
        widths[axis] = (0, rows - steps)
        return np.pad(array, widths)

    return jax.tree.map(pad, tree), np.asarray(steps, np.int32)
