"""Examples from a function of the user's own: `config.data.name` is its import path."""

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.own_parts import load_part
from jaxgan.config.schema import DataConfig
from jaxgan.data.examples import UNLABELLED, Examples, SplitMissing


def load_own(config: DataConfig, split: str) -> Examples:
    """Calls the function that config.data.name names, as `function(config, split)`.

    Raises:
      SplitMissing: the function raises it, since the data have no such split.
      UserError: the function fails, or returns anything but examples.
    """
    what = f"config.data.name = {config.name!r}"
    function = load_part("data", config.name)
    try:
        examples = function(config, split)
    except UserError:
        raise
    # The user's function can fail in any way.
    except Exception as error:
        reason = f"failed on the split {split!r}: {type(error).__name__}: {error}"
        raise UserError(f"{what}: {reason}") from error
    if problem := _problem(examples):
        raise UserError(f"{what}: {problem}")
    return examples


def has_split(config: DataConfig, split: str) -> bool:
    """Returns whether the function has a split: it raises `SplitMissing` where it has not."""
    try:
        load_own(config, split)
    except SplitMissing:
        return False
    return True


def _problem(examples: object) -> str:
    if not isinstance(examples, Examples):
        return f"returns {type(examples).__name__}; must return jaxgan.data.Examples"
    pixels, labels = examples.pixels, examples.labels
    kinds = ((np.uint8, 4), (np.float32, 2))
    if not (
        isinstance(pixels, np.ndarray) and (pixels.dtype, pixels.ndim) in kinds and pixels.size
    ):
        found = f"{getattr(pixels, 'dtype', type(pixels).__name__)} {getattr(pixels, 'shape', '')}"
        return (
            f"its pixels are {found}; must be uint8 (n, height, width, channels), or float32 "
            "(n, dims) for points, and not empty"
        )
    classes, names = examples.classes, examples.class_names
    if not (type(classes) is int and classes >= 0):
        return f"its number of classes is {classes!r}; must be a whole number, 0 without labels"
    # A run with such names could be trained, and then not be read.
    if len(names) not in (0, classes) or not all(isinstance(name, str) for name in names):
        return f"its names of {classes} classes are {names!r}; must be one text each, or ()"
    shape, wanted = np.shape(labels), (len(pixels),)
    if not (isinstance(labels, np.ndarray) and labels.dtype == np.int32 and shape == wanted):
        return f"its labels have shape {shape}; must be int32 of shape {wanted}"
    low, high = (0, classes - 1) if classes else (UNLABELLED, UNLABELLED)
    if not (low <= labels.min() and labels.max() <= high):
        return (
            f"its labels are {labels.min()} to {labels.max()}; with {classes} classes they must be "
            f"{low} to {high}"
        )
    return ""
