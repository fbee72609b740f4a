"""The Fréchet distance of the Gaussians fitted to two sets of features."""

import math

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxgan.metrics.validation import Features, checked_pair


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), in squared units of the features.

    Heusel et al. 2017 (arXiv:1706.08500), eq. 6, with unbiased covariances. It is
    exact also where they are singular (dead units, fewer samples than features): no matrix
    is inverted, and no root is taken of an eigenvalue that should be zero.

    Args:
      real, fake: (samples, features); the numbers of samples may differ, widths may not.

    Raises:
      UserError: fewer than 2 samples, unequal widths, NaN or infinity.
    """
    real, fake = checked_pair(real, fake, 2, "draw more")
    real_root = _covariance_root(real)
    fake_root = _covariance_root(fake)
    means = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    traces = np.sum(real_root**2) + np.sum(fake_root**2)
    # With Ci = Ri' Ri, the roots of the eigenvalues of C1 C2 are the singular values of R1 R2'.
    overlap = np.sum(np.linalg.svd(real_root @ fake_root.T, compute_uv=False))
    return max(0.0, float(means + traces - 2 * overlap))


def _covariance_root(features: Features) -> Float[np.ndarray, "rank features"]:
    """R with R' R the unbiased covariance: from the samples, so that none of its digits is lost."""
    centred = (features - features.mean(axis=0)) / math.sqrt(len(features) - 1)
    return np.linalg.qr(centred, mode="r")  # type: ignore[return-value]  # the stub has no modes
