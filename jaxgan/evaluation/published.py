"""Scores with the names and by the protocols of papers, in the features of Inception.

`fid50k_full` is the Fréchet distance of 50,000 generated images to all training images. Papers use
this name for that protocol only, so the name says how many images were generated and whether the
reference is the whole training set.
"""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import __version__
from jaxgan.config.errors import UserError
from jaxgan.config.jax_env import user_cache
from jaxgan.evaluation.metric_table import (
    KERNEL_SUBSET_SIZE,
    KERNEL_SUBSETS,
    SCORE_SPLITS,
    Scores,
)
from jaxgan.metrics import (
    FeatureNet,
    FeatureSet,
    classifier_score,
    compute_prdc,
    frechet_distance,
    kernel_distance,
)
from jaxgan.metrics.prdc import DENSITY_NEIGHBOUR, MANIFOLD_NEIGHBOUR
from jaxgan.types import PRNGKey

PUBLISHED_SAMPLES = 50_000
FULL = "_full"  # ending of a name if the reference is a whole training set
logger = logging.getLogger(__name__)
# Gets the reference, the generated images, the key of the kernel distance's subsets, and the two
# ends of the names: the number of images, and FULL or "".
PublishedMetric = Callable[[FeatureSet, FeatureSet, PRNGKey, str, str], Scores]


def score_as_published(
    metrics: Iterable[str], real: FeatureSet, fake: FeatureSet, key: PRNGKey, ending: str = FULL
) -> Scores:
    """Returns the values of these metrics, by the names of papers.

    Args:
      metrics: names in PUBLISHED.
      real: reference images; they may be more or fewer than the generated ones.
      fake: generated images.
      key: draws the kernel distance's subsets.
      ending: FULL if `real` is a whole training set, else "".
    """
    count = format_count(len(fake.features))
    scores: Scores = {}
    for name in metrics:
        scores |= PUBLISHED[name](real, fake, key, count, ending)
    return scores


def select_published(names: Iterable[str], generated: int, real: int) -> tuple[str, ...]:
    """Returns the metrics to compute: those named, or if there are none all that papers have.

    Raises:
      UserError: a metric without a published protocol, or too few images.
    """
    names = tuple(dict.fromkeys(names)) or tuple(PUBLISHED)
    if unknown := [name for name in names if name not in PUBLISHED]:
        raise UserError(
            f"metric {unknown[0]!r}: has no published protocol; with features 'inception' choose "
            f"among {', '.join(PUBLISHED)}"
        )
    least = max(SCORE_SPLITS, DENSITY_NEIGHBOUR + 1)
    if min(generated, real) < least:
        raise UserError(f"{generated} against {real} images: must be at least {least} of each")
    return names


def format_count(images: int) -> str:
    """Returns 50k for 50,000, and 1234 for 1,234."""
    return str(images) if images % 1000 else f"{images // 1000}k"


def published_protocol(net: FeatureNet, generated: int, real: int, seed: int) -> dict[str, Any]:
    """Returns what the scores depend on, apart from the two sets of images."""
    return {
        "num_samples": generated,
        "num_reference": real,
        "seed": seed,
        "features": net.name,
        "features_sha256": net.sha256,
        "resize": "bilinear to 299x299 as in TensorFlow 1",
        "kernel_subsets": KERNEL_SUBSETS,
        "kernel_subset_size": min(KERNEL_SUBSET_SIZE, generated, real),
        "score_splits": SCORE_SPLITS,
        "manifold_neighbour": MANIFOLD_NEIGHBOUR,
        "jaxgan": __version__,
        "device": jax.devices()[0].device_kind,
    }


def reference_features(net: FeatureNet, pixels: Any, sha256: str) -> FeatureSet:
    """Returns the features of reference images; they are computed once and kept in the cache.

    They take hours for 50,000 images on a CPU. The file of the cache is named by the SHA-256 of the
    images and of the net.
    """
    path = user_cache() / "features" / f"{net.name}-{net.sha256[:16]}-{sha256}.npy"
    if (features := _read_cached(path, len(pixels))) is None:
        logger.info(f"features of {len(pixels)} reference images; to be kept in {path}")
        features = net.extract(pixels).features
        _write_cached(path, features)
    return FeatureSet(features, None)


def _read_cached(path: Path, count: int) -> np.ndarray | None:
    try:
        features = np.load(path, allow_pickle=False)
    # Damaged files fail in several ways, and then the features are computed again.
    except (OSError, ValueError, EOFError):
        return None
    whole = features.ndim == 2 and len(features) == count and features.dtype == np.float32
    return features if whole else None


def _write_cached(path: Path, features: np.ndarray) -> None:
    new = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(new, features)
        os.replace(new, path)
    except OSError as error:
        logger.warning(f"{path}: cannot be written ({error.strerror or error}); not kept")
    finally:
        new.unlink(missing_ok=True)


def _fid(real: FeatureSet, fake: FeatureSet, key: PRNGKey, count: str, ending: str) -> Scores:
    del key
    return {f"fid{count}{ending}": frechet_distance(real.features, fake.features)}


def _kid(real: FeatureSet, fake: FeatureSet, key: PRNGKey, count: str, ending: str) -> Scores:
    size = min(KERNEL_SUBSET_SIZE, len(real.features), len(fake.features))
    found = kernel_distance(real.features, fake.features, key, KERNEL_SUBSETS, size)
    return {f"kid{count}{ending}": found.mean, f"kid{count}{ending}_spread": found.std}


def _precision_recall(
    real: FeatureSet, fake: FeatureSet, key: PRNGKey, count: str, ending: str
) -> Scores:
    del key
    # Not `pr50k3_full`: by that name papers give the scores in the features of VGG16.
    found = compute_prdc(real.neighbourhoods, fake.neighbourhoods)
    return {f"precision{count}{ending}": found.precision, f"recall{count}{ending}": found.recall}


def _inception_score(
    real: FeatureSet, fake: FeatureSet, key: PRNGKey, count: str, ending: str
) -> Scores:
    del real, key, ending
    assert fake.probabilities is not None
    found = classifier_score(fake.probabilities, SCORE_SPLITS)
    return {f"is{count}": found.mean, f"is{count}_spread": found.std}


PUBLISHED: dict[str, PublishedMetric] = {
    "frechet": _fid,
    "kernel": _kid,
    "precision_recall": _precision_recall,
    "classifier_score": _inception_score,
}
