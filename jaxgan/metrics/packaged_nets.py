"""Loads feature nets by name: those that come with the package, Inception, or a user's function.

Three small classifiers come with the package, trained by `train_features` on MNIST, Fashion-MNIST
and CIFAR-10; the last one is for images of any kind. Their weights are pinned by SHA-256, because
scores in the features of different weights cannot be compared. Stacked MNIST uses MNIST's net for
each channel; points need no net.
"""

import functools
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import unflatten_dict
from jaxtyping import Array

from jaxgan.config.errors import UserError
from jaxgan.config.import_paths import load_attribute
from jaxgan.data import Dataset
from jaxgan.data.gaussian_mixtures import MIXTURES
from jaxgan.metrics.classes import stacked_modes
from jaxgan.metrics.classifier_net import CLASSES, SHAPE, classify
from jaxgan.metrics.colour_net import CLASS_NAMES, classify_colour
from jaxgan.metrics.feature_nets import FeatureNet
from jaxgan.metrics.inception_weights import INCEPTION, inception_net
from jaxgan.metrics.mode_coverage import point_modes
from jaxgan.types import Params

WEIGHTS = Path(__file__).parent / "weights"
# SHA-256 of each file of weights: scores in the features of other weights would not compare.
PINNED = {
    "mnist": "b7fa8003f212a52f528adabc6c49f06e5a10c4b9f423aecd65149ef10131d86f",
    "fashion_mnist": "351d885d1a4b7a7ca5667b9b05f1f44e590cfdc3978e6822160b1c70224905b5",
    "colour": "9c49963b0754018baac5eda1e6db85ee4aa25cd785b08cb20f67f1c887d609d9",
}
COLOUR = "colour"  # the net for images that have none of their own: of any size, grey or in colour
POINTS = "points"  # name of the net of points


def load_features(name: str) -> FeatureNet:
    """Loads a feature net.

    Args:
      name: data set in NETS, "inception" or "inception:FILE", or the import path
        "package.module:function" of a function.

    Raises:
      UserError: no such net or function, or damaged weights.
    """
    if name.startswith(f"{INCEPTION}:"):
        return inception_net(name)
    if name in NETS:
        return NETS[name](name)
    # The code behind an import path has no hash, so the path itself is the net's identity.
    return FeatureNet(name, name, 0, _import_function(name))


def is_own_function(name: str) -> bool:
    """Returns whether `load_features` would import code by this name."""
    return bool(name) and name not in NETS and not name.startswith(f"{INCEPTION}:")


def pinned_net(name: str) -> FeatureNet:
    """Loads the classifier of a data set with the weights that come with the package."""
    path, hint = WEIGHTS / f"{name}.npz", "install jaxgan again"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; {hint}") from error
    # Checked before numpy reads the file: damaged bytes fail there in many ways.
    if (sha256 := hashlib.sha256(raw).hexdigest()) != PINNED[name]:
        reason = f"their SHA-256 is {sha256[:16]}..., and must be {PINNED[name][:16]}..."
        raise UserError(f"{path}: damaged weights: {reason}; {hint}")
    return packaged_net(name, raw)


def packaged_net(name: str, raw: bytes) -> FeatureNet:
    """Builds the classifier from the bytes of any .npz file of weights."""
    with np.load(io.BytesIO(raw)) as arrays:
        flat = {layer: arrays[layer].astype(np.float32) for layer in arrays.files}
    params = jax.device_put(unflatten_dict(flat, sep="/"))
    classify_checked = _classify_any if name == COLOUR else _classify_checked
    function = functools.partial(classify_checked, name, params)
    return FeatureNet(name, hashlib.sha256(raw).hexdigest(), CLASSES, function)


def knows_labels(net: FeatureNet, data: Dataset) -> bool:
    """Returns whether the classes of a net are those of the data, so that it can tell labels.

    A user's function that gives probabilities is taken at its word.
    """
    if net.name == COLOUR:
        return data.name == "cifar10" or data.class_names == CLASS_NAMES
    return net.name == data.name or is_own_function(net.name)


def _classify_checked(name: str, params: Params, pixels: np.ndarray) -> tuple[Array, Array]:
    if pixels.shape[1:] != SHAPE:
        raise UserError(f"features {name!r}: images of shape {pixels.shape[1:]}; must be {SHAPE}")
    return classify(params, pixels)


def _classify_any(name: str, params: Params, pixels: np.ndarray) -> tuple[Array, Array]:
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        shape = pixels.shape[1:]
        raise UserError(f"features {name!r}: images of shape {shape}; must be grey or in colour")
    return classify_colour(params, pixels)


def stacked_net(name: str) -> FeatureNet:
    """Applies MNIST's net to each channel: concatenated features, and 1000 digit triples."""
    digit = pinned_net("mnist")

    def function(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if pixels.shape[1:] != (shape := (*SHAPE[:2], 3)):
            given = f"images of shape {pixels.shape[1:]}"
            raise UserError(f"features {name!r}: {given}; must be {shape}")
        channels = [digit.function(pixels[..., [channel]]) for channel in range(3)]
        red, green, blue = (np.asarray(probabilities) for _, probabilities in channels)
        # The product of the three, as if the channels were independent given the image.
        triples = np.einsum("nr,ng,nb->nrgb", red, green, blue).reshape(len(pixels), -1)
        return np.concatenate([features for features, _ in channels], axis=1), triples

    def modes(features: np.ndarray, probabilities: np.ndarray | None) -> Any:
        del features
        assert probabilities is not None
        triples = np.argmax(probabilities, axis=1)
        red, green, blue = np.unravel_index(triples, (CLASSES,) * 3)
        return stacked_modes(red, green, blue, CLASSES)

    return FeatureNet(name, digit.sha256, CLASSES**3, function, modes)


def points_net(name: str) -> FeatureNet:
    """Uses points as their own features; the modes are those of the mixture `name`."""
    means, sigma = MIXTURES[name]

    def modes(features: np.ndarray, probabilities: np.ndarray | None) -> Any:
        del probabilities
        return point_modes(features, means, sigma)

    return FeatureNet(POINTS, POINTS, 0, _flat_points, modes)


def _flat_points(points: np.ndarray) -> np.ndarray:
    if points.ndim != 2:
        raise UserError(f"features {POINTS!r}: images of shape {points.shape[1:]}; must be points")
    return points


def _import_function(path: str) -> Callable[[np.ndarray], Any]:
    module, colon, attribute = path.partition(":")
    if not (module and colon and attribute):
        own = "the import path of a function of your own, as package.module:function"
        raise UserError(f"unknown features {path!r}; known: {', '.join(NETS)}, and {own}")
    function = load_attribute(f"features {path!r}", path)
    if not callable(function):
        raise UserError(f"features {path!r}: {type(function).__name__} is not callable")
    return function


NETS: dict[str, Callable[[str], FeatureNet]] = {
    **dict.fromkeys(PINNED, pinned_net),
    "stacked_mnist": stacked_net,
    INCEPTION: inception_net,
    **dict.fromkeys(MIXTURES, points_net),
}
