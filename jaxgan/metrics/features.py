"""Feature nets: what an image is to a classifier, for distances between sets of images.

Two small convolutional classifiers come with the package, trained by `train_features` on MNIST
and on Fashion-MNIST. Numbers in the features of different nets, or of different weights of one
net, cannot be compared: so weights are pinned by their SHA-256. Any other net is an importable
function, named as package.module:function.
"""

import dataclasses
import functools
import hashlib
import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from flax.traverse_util import unflatten_dict
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxgan.config import UserError
from jaxgan.metrics.checks import check_at_least, checked_features, checked_probabilities
from jaxgan.metrics.neighbours import Neighbourhoods
from jaxgan.types import Images, Params, Pixels, to_images

WEIGHTS = Path(__file__).parent / "weights"
PINNED = {  # SHA-256 of the weights' files
    "mnist": "b7fa8003f212a52f528adabc6c49f06e5a10c4b9f423aecd65149ef10131d86f",
    "fashion_mnist": "351d885d1a4b7a7ca5667b9b05f1f44e590cfdc3978e6822160b1c70224905b5",
}
SHAPE = (28, 28, 1)
CLASSES = 10
BATCH = 250  # on two CPU cores a fifth less work than with 500; 25 MB hold its largest layer


@dataclasses.dataclass(frozen=True, eq=False)
class Extracted:
    """Of n images: features and, where the net is a classifier, its class probabilities."""

    features: Float[np.ndarray, "samples features"]  # float32
    probabilities: Float[np.ndarray, "samples classes"] | None  # float32

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
      function: uint8 (n, height, width, channels) to features, or (features, probabilities).
    """

    name: str
    sha256: str
    classes: int
    function: Callable[[np.ndarray], Any]

    def extract(self, pixels: ArrayLike, batch_size: int = BATCH) -> Extracted:
        """Features of images, computed in equal batches; the last one is filled up with zeros.

        A net that treats each image by itself gives the same for any batch size, to rounding.

        Args:
          pixels: uint8 (n, height, width, channels), numpy or JAX.
          batch_size: images that the function is given at a time.

        Raises:
          UserError: pixels that are no images, or not ones of the net's shape; a function that
            fails, or gives other than (n, features), rows of probabilities, or finite numbers.
        """
        check_at_least("batch_size", batch_size, 1)
        images = _checked_pixels(pixels)
        parts = [
            self._extract_batch(images[start : start + batch_size], batch_size)
            for start in range(0, len(images), batch_size)
        ]
        features = np.concatenate([part[0] for part in parts])
        name = f"features {self.name!r}"
        finite = checked_features(name, features, 1, "draw some").astype(np.float32)
        if parts[0][1] is None:
            return Extracted(finite, None)
        probabilities = np.concatenate([part[1] for part in parts])
        sound = checked_probabilities(f"probabilities of {name}", probabilities)
        return Extracted(finite, sound.astype(np.float32))

    def _extract_batch(self, pixels: np.ndarray, batch_size: int) -> tuple[Any, Any]:
        filled = np.zeros((batch_size, *pixels.shape[1:]), np.uint8)
        filled[: len(pixels)] = pixels
        try:
            result = self.function(filled)
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"features {self.name!r}: failed on uint8 pixels of shape {filled.shape}: "
                f"{type(error).__name__}: {error}"
            ) from error
        pair = result if isinstance(result, tuple) else (result, None)
        if len(pair) != 2:
            raise UserError(
                f"features {self.name!r}: gave {len(pair)} arrays; must be features, or the "
                "tuple (features, probabilities)"
            )
        rows = functools.partial(_rows, self.name, batch_size=batch_size, count=len(pixels))
        return rows(pair[0]), None if pair[1] is None else rows(pair[1])


class Classifier(nn.Module):
    """Four 3x3 convolutions and a dense layer of features, each normalised, then the classes.

    28x28 pixels, halved twice by averaging and cut twice by convolving without padding, end as
    3x3. A net trained with batch normalisation and the same net with that folded into its
    weights (`normalise=False`) have layers of the same names.
    """

    channels: tuple[int, ...] = (32, 64, 64, 128)
    features: int = 128
    dropout: float = 0.0
    normalise: bool = False

    @nn.compact
    def __call__(
        self, images: Images, train: bool = False
    ) -> tuple[Float[Array, "batch features"], Float[Array, "batch classes"]]:
        """(features after their ReLU, logits)."""
        bias = not self.normalise
        x = images
        for place, width in enumerate(self.channels):
            padding = "SAME" if place < 2 else "VALID"
            name = f"conv{place}"
            x = nn.Conv(
                width, (3, 3), padding=padding, use_bias=bias, precision="highest", name=name
            )(x)
            x = nn.relu(self._normalised(x, f"{name}_norm", train))
            x = halved(x) if place < 2 else x
        x = x.reshape(len(x), -1)
        x = nn.Dense(self.features, use_bias=bias, precision="highest", name="features")(x)
        features = nn.relu(self._normalised(x, "features_norm", train))
        kept = nn.Dropout(self.dropout, deterministic=not train)(features)
        return features, nn.Dense(CLASSES, precision="highest", name="classes")(kept)

    def _normalised(self, x, name, train):
        if not self.normalise:
            return x
        return nn.BatchNorm(use_running_average=not train, momentum=0.9, name=name)(x)


def halved(x: Float[Array, "batch height width channels"]) -> Array:
    """The mean of each 2x2 square: as slices, whose gradient is cheap on every backend."""
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def load_features(name: str) -> FeatureNet:
    """The packaged net `name`, or the function that an import path "package.module:function" names.

    Raises:
      UserError: no such net or function; weights that are not those whose SHA-256 is pinned.
    """
    if name in PINNED:
        raw = _read(WEIGHTS / f"{name}.npz")
        sha256 = hashlib.sha256(raw).hexdigest()
        if sha256 != PINNED[name]:
            raise UserError(
                f"{WEIGHTS / name}.npz: damaged weights: their SHA-256 is {sha256[:16]}..., "
                f"and must be {PINNED[name][:16]}...; install jaxgan again"
            )
        return packaged_net(name, raw)
    return FeatureNet(name, name, 0, _import_function(name))


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
    return _classify(params, pixels)


@jax.jit
def _classify(params: Params, pixels: Pixels) -> tuple[Array, Array]:
    features, logits = Classifier().apply({"params": params}, to_images(pixels))
    return features, jax.nn.softmax(logits)  # type: ignore[arg-type]


def _import_function(path: str) -> Callable[[np.ndarray], Any]:
    module, colon, attribute = path.partition(":")
    if not (module and colon and attribute):
        raise UserError(
            f"unknown features {path!r}; known: {', '.join(PINNED)}, and the import path of a "
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


def _checked_pixels(pixels: ArrayLike) -> np.ndarray:
    array = np.asarray(pixels)
    if array.dtype != np.uint8 or array.ndim != 4 or 0 in array.shape:
        raise UserError(
            f"pixels: {array.dtype} of shape {array.shape}; must be uint8 of shape "
            "(n, height, width, channels), none of them 0"
        )
    return array


def _rows(name: str, values: Any, batch_size: int, count: int) -> np.ndarray:
    """The first `count` of an array's `batch_size` rows: those of images, not of filling."""
    shape = np.shape(values)
    if len(shape) != 2 or shape[0] != batch_size or shape[1] == 0:
        raise UserError(
            f"features {name!r}: an array of shape {shape} for {batch_size} images; must be "
            f"({batch_size}, features), and of probabilities ({batch_size}, classes)"
        )
    return np.asarray(values)[:count]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; install jaxgan again") from error
