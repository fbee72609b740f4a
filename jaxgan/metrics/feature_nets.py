"""Feature nets: functions from images to feature vectors, in which metrics compare image sets.

`packaged_nets` has those that come with the package. Any other net is an importable function,
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
from jaxgan.data.lazy_array import LazyArray
from jaxgan.metrics.prdc import Neighbourhoods
from jaxgan.metrics.validation import (
    check_at_least,
    checked_features,
    checked_pixels,
    checked_probabilities,
    checked_rows,
)

# A fifth faster than 500 on two CPU cores: the largest layer of the packaged nets takes 25 MB.
BATCH = 250


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureSet:
    """Output of a feature net for a set of examples.

    Attributes:
      features: float32.
      probabilities: float32, if the net is a classifier.
      modes: values of a mode-coverage benchmark by name, if the net is for one.
      labels: labels of the examples, or those that the generator was asked for.
    """

    features: Float[np.ndarray, "samples features"]
    probabilities: Float[np.ndarray, "samples classes"] | None
    modes: Mapping[str, float] | None = None
    labels: ArrayLike | None = None

    @functools.cached_property
    def neighbourhoods(self) -> Neighbourhoods:
        return Neighbourhoods(self.features)


@dataclasses.dataclass(frozen=True)
class FeatureNet:
    """A function from images to features, with its identity.

    Attributes:
      name: name given to `load_features`.
      sha256: SHA-256 of the file of weights; the import path for a user's function.
      classes: number of classes; 0 for a user's function.
      function: maps uint8 (n, height, width, channels), or points, to features or to (features,
        probabilities).
      modes: computes a mode-coverage benchmark from features and probabilities.
      batch_size: number of images in each call of the function.
    """

    name: str
    sha256: str
    classes: int
    function: Callable[[np.ndarray], Any]
    modes: Callable[[np.ndarray, np.ndarray | None], Any] | None = None
    batch_size: int = BATCH

    def extract(self, pixels: ArrayLike | LazyArray, batch_size: int | None = None) -> FeatureSet:
        """Computes the features of images, in batches of one size; zeros fill the last batch.

        Args:
          pixels: uint8 (n, height, width, channels), or float32 (n, dims); numpy, JAX, or a
            `LazyArray`, of which one batch at a time is read.
          batch_size: number of images in each call of the function; None: that of the net.

        Raises:
          UserError: pixels that are not images, or not of the net's shape; a function that
            fails, or returns anything but finite features (n, features) and probabilities.
        """
        batch_size = self.batch_size if batch_size is None else batch_size
        check_at_least("batch_size", batch_size, 1)
        images = checked_pixels("pixels", pixels, points=True)
        batches = [
            self._extract_batch(np.asarray(images[start : start + batch_size]), batch_size)
            for start in range(0, len(images), batch_size)
        ]
        name = f"features {self.name!r}"
        features = np.concatenate([batch[0] for batch in batches])
        features = checked_features(name, features, 1, "draw some").astype(np.float32)
        probabilities = None
        if batches[0][1] is not None:
            probabilities = np.concatenate([batch[1] for batch in batches])
            probabilities = checked_probabilities(f"probabilities of {name}", probabilities)
            probabilities = probabilities.astype(np.float32)
        if not self.modes:
            return FeatureSet(features, probabilities)
        values = self.modes(features, probabilities)._asdict()
        modes = {name: float(value) for name, value in values.items()}
        return FeatureSet(features, probabilities, modes)

    def _extract_batch(self, pixels: np.ndarray, batch_size: int) -> tuple[Any, Any]:
        # The last batch is filled up, so that the function is compiled for one size only.
        filled = np.zeros((batch_size, *pixels.shape[1:]), pixels.dtype)
        filled[: len(pixels)] = pixels
        try:
            result = self.function(filled)
        except UserError:
            raise
        # The function can be the user's own, with errors of any class.
        except Exception as error:
            what = f"failed on {filled.dtype} pixels of shape {filled.shape}"
            reason = f"{type(error).__name__}: {error}"
            raise UserError(f"features {self.name!r}: {what}: {reason}") from error
        pair = result if isinstance(result, tuple) else (result, None)
        if len(pair) != 2:
            raise UserError(
                f"features {self.name!r}: gave {len(pair)} arrays; must be features, or the "
                "tuple (features, probabilities)"
            )
        rows = functools.partial(checked_rows, self.name, batch_size=batch_size, count=len(pixels))
        return rows(pair[0]), None if pair[1] is None else rows(pair[1])
