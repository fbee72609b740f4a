"""Feature nets: what an image is to a classifier, for distances between sets of images.

Two small convolutional classifiers come with the package, trained by `train_features` on MNIST
and on Fashion-MNIST. Numbers in the features of different nets, or of different weights of one
net, cannot be compared: so weights are pinned by their SHA-256. Stacked MNIST is seen through
MNIST's, a channel at a time, and points through none. Any other net is an importable function,
named as package.module:function.
"""

import dataclasses
import functools
import hashlib
import importlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import unflatten_dict
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxgan.config import UserError
from jaxgan.data.mixtures import MIXTURES
from jaxgan.metrics.checks import (
    check_at_least,
    checked_features,
    checked_pixels,
    checked_probabilities,
    checked_rows,
)
from jaxgan.metrics.classes import stacked_modes
from jaxgan.metrics.classifier import CLASSES, SHAPE, classify
from jaxgan.metrics.neighbours import Neighbourhoods
from jaxgan.metrics.points import point_modes
from jaxgan.types import Params

WEIGHTS = Path(__file__).parent / "weights"
PINNED = {  # SHA-256 of the weights' files
    "mnist": "b7fa8003f212a52f528adabc6c49f06e5a10c4b9f423aecd65149ef10131d86f",
    "fashion_mnist": "351d885d1a4b7a7ca5667b9b05f1f44e590cfdc3978e6822160b1c70224905b5",
}
POINTS = "points"  # what the features of points are called
BATCH = 250  # on two CPU cores a fifth less work than with 500; 25 MB hold its largest layer


@dataclasses.dataclass(frozen=True, eq=False)
class Extracted:
    """Of n examples: features and, where the net is a classifier, its class probabilities.

    `modes` is what they reach of a benchmark's modes, by name, where the net is of one; `labels`
    are those that they have, or that their generator was asked for.
    """

    features: Float[np.ndarray, "samples features"]  # float32
    probabilities: Float[np.ndarray, "samples classes"] | None  # float32
    modes: Mapping[str, float] | None = None
    labels: ArrayLike | None = None

    @functools.cached_property
    def neighbourhoods(self) -> Neighbourhoods:
        return Neighbourhoods(self.features)


@dataclasses.dataclass(frozen=True)
class FeatureNet:
    """A function from images to features, and which one it is.

    Attributes:
      name: as given to `load_features`.
      sha256: of the weights' file; for a function of the user's, its import path.
      classes: how many there are; 0 for a function of the user's, where the width of its
        probabilities tells.
      function: uint8 (n, height, width, channels), or points, to features or (features,
        probabilities).
      modes: what examples with these features and probabilities reach of a benchmark's modes.
    """

    name: str
    sha256: str
    classes: int
    function: Callable[[np.ndarray], Any]
    modes: Callable[[np.ndarray, np.ndarray | None], Any] | None = None

    def extract(self, pixels: ArrayLike, batch_size: int = BATCH) -> Extracted:
        """Features of images, computed in equal batches; the last one is filled up with zeros.

        A net that treats each image by itself gives the same for any batch size, to rounding.

        Args:
          pixels: uint8 (n, height, width, channels), or float32 (n, dims); numpy or JAX.
          batch_size: images that the function is given at a time.

        Raises:
          UserError: pixels that are no images, or not ones of the net's shape; a function that
            fails, or gives other than (n, features), rows of probabilities, or finite numbers.
        """
        check_at_least("batch_size", batch_size, 1)
        images = checked_pixels(pixels)
        parts = [
            self._extract_batch(images[start : start + batch_size], batch_size)
            for start in range(0, len(images), batch_size)
        ]
        features = np.concatenate([part[0] for part in parts])
        name = f"features {self.name!r}"
        finite = checked_features(name, features, 1, "draw some").astype(np.float32)
        sound = None
        if parts[0][1] is not None:
            probabilities = np.concatenate([part[1] for part in parts])
            named = f"probabilities of {name}"
            sound = checked_probabilities(named, probabilities).astype(np.float32)
        modes = self.modes(finite, sound)._asdict() if self.modes else None
        return Extracted(finite, sound, modes and {k: float(v) for k, v in modes.items()})

    def _extract_batch(self, pixels: np.ndarray, batch_size: int) -> tuple[Any, Any]:
        filled = np.zeros((batch_size, *pixels.shape[1:]), pixels.dtype)
        filled[: len(pixels)] = pixels
        try:
            result = self.function(filled)
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"features {self.name!r}: failed on {filled.dtype} pixels of shape {filled.shape}: "
                f"{type(error).__name__}: {error}"
            ) from error
        pair = result if isinstance(result, tuple) else (result, None)
        if len(pair) != 2:
            raise UserError(
                f"features {self.name!r}: gave {len(pair)} arrays; must be features, or the "
                "tuple (features, probabilities)"
            )
        rows = functools.partial(checked_rows, self.name, batch_size=batch_size, count=len(pixels))
        return rows(pair[0]), None if pair[1] is None else rows(pair[1])


def load_features(name: str) -> FeatureNet:
    """The net of a data set in `NETS`, or the function that an import path
    "package.module:function" names.

    Raises:
      UserError: no such net or function; weights that are not those whose SHA-256 is pinned.
    """
    if name in NETS:
        return NETS[name](name)
    return FeatureNet(name, name, 0, _import_function(name))


def pinned_net(name: str) -> FeatureNet:
    """The classifier with the weights that came with the package."""
    raw = _read(WEIGHTS / f"{name}.npz")
    sha256 = hashlib.sha256(raw).hexdigest()
    if sha256 != PINNED[name]:
        raise UserError(
            f"{WEIGHTS / name}.npz: damaged weights: their SHA-256 is {sha256[:16]}..., "
            f"and must be {PINNED[name][:16]}...; install jaxgan again"
        )
    return packaged_net(name, raw)


def packaged_net(name: str, raw: bytes) -> FeatureNet:
    """The classifier with the weights of an .npz file's bytes, whichever they are."""
    with np.load(io.BytesIO(raw)) as arrays:
        flat = {layer: arrays[layer].astype(np.float32) for layer in arrays.files}
    params = jax.device_put(unflatten_dict(flat, sep="/"))
    function = functools.partial(_classify_checked, name, params)
    return FeatureNet(name, hashlib.sha256(raw).hexdigest(), CLASSES, function)


def _classify_checked(name: str, params: Params, pixels: np.ndarray) -> tuple[Array, Array]:
    if pixels.shape[1:] != SHAPE:
        raise UserError(f"features {name!r}: images of shape {pixels.shape[1:]}; must be {SHAPE}")
    return classify(params, pixels)


def stacked_net(name: str) -> FeatureNet:
    """MNIST's net on each channel: the features side by side, and the thousand digit triples."""
    digit = pinned_net("mnist")

    def function(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if pixels.shape[1:] != (shape := (*SHAPE[:2], 3)):
            raise UserError(
                f"features {name!r}: images of shape {pixels.shape[1:]}; must be {shape}"
            )
        channels = [digit.function(pixels[..., [channel]]) for channel in range(3)]
        red, green, blue = (np.asarray(probabilities) for _, probabilities in channels)
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
    """No net: points are their own features; the modes are those of the mixture `name`."""
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
        raise UserError(
            f"unknown features {path!r}; known: {', '.join(NETS)}, and the import path of a "
            "function of your own, as package.module:function"
        )
    try:
        function = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise UserError(
            f"features {path!r}: cannot be imported: {type(error).__name__}: {error}; must be "
            "installed, or in a folder that PYTHONPATH names"
        ) from error
    if not callable(function):
        raise UserError(f"features {path!r}: {type(function).__name__} is not callable")
    return function


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; install jaxgan again") from error


NETS: dict[str, Callable[[str], FeatureNet]] = {
    **dict.fromkeys(PINNED, pinned_net),
    "stacked_mnist": stacked_net,
    **dict.fromkeys(MIXTURES, points_net),
}
