"""Checks of the arguments of metrics: each returns the checked array, or raises `UserError`."""

from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from jaxgan.config.errors import UserError
from jaxgan.data.lazy_array import LazyArray

Features = Float[np.ndarray, "_ features"]  # float64; one row per sample
Fractions = Float[np.ndarray, " classes"]  # float64, sums to 1
# The sum of a softmax in float32 is within 1e-6 of 1; logits, given by mistake, are far from it.
SUM_TOLERANCE = 1e-3


def checked_features(name: str, values: ArrayLike, at_least: int, remedy: str) -> Features:
    """Checks features, in float64; `remedy` is the advice if there are fewer than `at_least`."""
    features = checked_numbers(name, values, "(samples, features)", 2)
    if features.shape[1] == 0:
        raise UserError(f"{name} has shape {features.shape}: needs at least one feature")
    if len(features) < at_least:
        raise UserError(f"{name} has {len(features)} samples: needs at least {at_least}; {remedy}")
    return features


def checked_pair(
    real: ArrayLike, fake: ArrayLike, at_least: int, remedy: str
) -> tuple[Features, Features]:
    """Checks two sets of features, which must have the same width."""
    checked_real = checked_features("real", real, at_least, remedy)
    checked_fake = checked_features("fake", fake, at_least, remedy)
    if checked_real.shape[1] != checked_fake.shape[1]:
        raise UserError(
            f"real has {checked_real.shape[1]} features and fake {checked_fake.shape[1]}: "
            "take both from one layer of one network"
        )
    return checked_real, checked_fake


def checked_pixels(name: str, values: Any, points: bool = False) -> Any:
    """Checks images, or points too; arrays that are on a device or a disk stay there."""
    array = values if isinstance(values, jax.Array | LazyArray) else np.asarray(values)
    kinds = [(np.uint8, 4), (np.float32, 2)] if points else [(np.uint8, 4)]
    if (array.dtype, array.ndim) not in kinds or 0 in array.shape:
        or_points = ", or float32 points of shape (n, dims)" if points else ""
        raise UserError(
            f"{name}: {array.dtype} of shape {array.shape}; must be uint8 of shape "
            f"(n, height, width, channels){or_points}, none of them 0"
        )
    return array


def checked_rows(name: str, values: Any, batch_size: int, count: int) -> np.ndarray:
    """Checks what a net gives for a batch; returns its first `count` rows, without the padding."""
    shape = np.shape(values)
    if len(shape) != 2 or shape[0] != batch_size or shape[1] == 0:
        raise UserError(
            f"features {name!r}: an array of shape {shape} for {batch_size} images; must be "
            f"({batch_size}, features), and of probabilities ({batch_size}, classes)"
        )
    return np.asarray(values)[:count]


def checked_probabilities(name: str, values: ArrayLike) -> Float[np.ndarray, "samples classes"]:
    probabilities = checked_numbers(name, values, "(samples, classes)", 2)
    if probabilities.size == 0:
        raise UserError(f"{name} has shape {probabilities.shape}: needs samples and classes")
    _check_sums(f"a row of {name}", probabilities)
    return probabilities


def checked_fractions(name: str, values: ArrayLike) -> Fractions:
    fractions = checked_numbers(name, values, "(classes,)", 1)
    if fractions.size == 0:
        raise UserError(f"{name} is empty: needs at least one class")
    _check_sums(name, fractions[None])
    return fractions


def checked_labels(name: str, values: ArrayLike, classes: int) -> Int[np.ndarray, " samples"]:
    labels = np.asarray(values)
    check_at_least("classes", classes, 1)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UserError(
            f"{name} has shape {labels.shape} of {labels.dtype}: must be (samples,) of integers; "
            "take the argmax over classes"
        )
    if len(labels) == 0:
        raise UserError(f"{name} is empty: needs at least one sample")
    if outside := labels[(labels < 0) | (labels >= classes)].tolist():
        raise UserError(f"{name} holds {outside[0]}: must be from 0 to {classes - 1}")
    return labels.astype(np.int64)


def checked_numbers(
    name: str, values: ArrayLike, wanted: str, ndim: int
) -> Float[np.ndarray, "..."]:
    """Checks for finite real numbers with `ndim` axes, named by `wanted`; returns float64."""
    array = np.asarray(values)
    if array.ndim != ndim:
        raise UserError(f"{name} has shape {array.shape}: must be {wanted}; reshape it")
    # A list of kinds that are refused, because bfloat16 has the kind V of a structured array.
    if array.dtype.kind in "cOSUMm":
        raise UserError(f"{name} holds {array.dtype}: must be real numbers")
    numbers = array.astype(np.float64)
    finite = np.isfinite(numbers)
    if not finite.all():
        first = int(np.argmin(finite.reshape(len(numbers), -1).all(axis=1)))
        raise UserError(
            f"{name} holds NaN or infinity in {np.sum(~finite)} places, first in row {first}; "
            "check the network that made it"
        )
    return numbers


def check_at_least(name: str, value: int, low: int) -> None:
    if value < low:
        raise UserError(f"{name} = {value}: must be at least {low}")


def _check_sums(name: str, rows: Float[np.ndarray, "rows classes"]) -> None:
    if (rows < 0).any():
        raise UserError(f"{name} holds {rows.min():.6g}: probabilities are not negative")
    sums = rows.sum(axis=1)
    worst = sums[np.argmax(np.abs(sums - 1))]
    if abs(worst - 1) > SUM_TOLERANCE:
        raise UserError(f"{name} sums to {worst:.6g}: must be 1; normalise it (softmax of logits)")
