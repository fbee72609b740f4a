"""Feature nets: what an image is to a classifier, for distances between sets of images.

Two small convolutional classifiers come with the package, trained by `train_features` on MNIST
and on Fashion-MNIST. Numbers in the features of different nets, or of different weights of one
net, cannot be compared: so weights are pinned by their SHA-256. Stacked MNIST is seen through
MNIST's, a channel at a time, and points through none. Any other net is an importable function,
named as package.module:function.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxgan.config.errors import UserError
from jaxgan.metrics.prdc import Neighbourhoods
from jaxgan.metrics.validation import (
    check_at_least,
    checked_features,
    checked_pixels,
    checked_probabilities,
    checked_rows,
)

BATCH = 250  # on two CPU cores a fifth less work than with 500; 25 MB hold its largest layer


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureSet:
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

    def extract(self, pixels: ArrayLike, batch_size: int = BATCH) -> FeatureSet:
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
        return FeatureSet(finite, sound, modes and {k: float(v) for k, v in modes.items()})

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
