"""The Fréchet distance of Gaussians fitted to two sets of features (FID, with Inception's)."""

import math

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxgan.metrics.validation import Features, checked_pair


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> float:
    """Computes |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of means m and covariances C.

    From 0, for equal means and covariances; lower is better. In squared units of the features.
    It is biased upwards for few samples. It is also accurate for singular covariances (dead
    units, fewer samples than features), because it neither inverts a matrix nor takes the root of
    an eigenvalue that should be zero.

    Source: Heusel et al. 2017 (arXiv:1706.08500), eq. 6, with unbiased covariances.

    Args:
      real, fake: (samples, features) of the same width; the numbers of samples may differ.

    Raises:
      UserError: fewer than 2 samples, unequal widths, NaN or infinity.
    """
    real, fake = checked_pair(real, fake, 2, "draw more")
    real_root, fake_root = _covariance_root(real), _covariance_root(fake)
    means = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    traces = np.sum(real_root**2) + np.sum(fake_root**2)
    # With Ci = Ri' Ri, the roots of the eigenvalues of C1 C2 are the singular values of R1 R2'.
    trace_of_root = np.sum(np.linalg.svd(real_root @ fake_root.T, compute_uv=False))
    # For equal sets the three terms cancel, and rounding can leave a sum below 0.
    return max(0.0, float(means + traces - 2 * trace_of_root))


def _covariance_root(features: Features) -> Float[np.ndarray, "rank features"]:
    """Returns R with R' R = C."""
    # From the samples: forming C squares the condition number, which loses half of the digits.
    centred = (features - features.mean(axis=0)) / math.sqrt(len(features) - 1)
    return np.linalg.qr(centred, mode="r")  # type: ignore[return-value]  # the stub has no modes
