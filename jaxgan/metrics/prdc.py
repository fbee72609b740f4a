"""Precision, recall, density and coverage, from distances to nearest neighbours.

All four ask which samples lie within balls around other samples. A ball is open and reaches to
the k-th nearest other sample of its own set. (Kynkäänniemi et al. define closed balls, but the
code of Naeem et al., and so the published numbers since, has open ones.) A sample within rounding
error of a ball's surface counts as outside, so copies of one image are never within each other's
balls of radius 0.
"""

import dataclasses
import functools
import logging
from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxgan.metrics.validation import Features, check_at_least, checked_features, checked_pair

logger = logging.getLogger(__name__)
MANIFOLD_NEIGHBOUR = 3  # k of precision and recall in Kynkäänniemi et al. 2019
DENSITY_NEIGHBOUR = 5  # k of density and coverage in Naeem et al. 2020
BLOCK_MIB = 32  # of distances in memory at a time
SquaredRadii = Float[np.ndarray, " samples"]


class PRDC(NamedTuple):
    precision: float  # fraction of the fakes within a ball around a real
    recall: float  # fraction of the reals within a ball around a fake
    density: float  # balls around reals that contain a fake: mean over the fakes, divided by k
    coverage: float  # fraction of the balls around reals that contain a fake


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """A set of samples with the radii of the balls around them, which are computed once.

    Attributes:
      features: (samples, features), more samples than the larger k.
      manifold_k: for precision and recall, the nearest neighbour that a ball reaches to.
      density_k: the same for density and coverage.
    """

    features: ArrayLike
    manifold_k: int = MANIFOLD_NEIGHBOUR
    density_k: int = DENSITY_NEIGHBOUR

    @functools.cached_property
    def squared_radii(self) -> dict[int, SquaredRadii]:
        """Squared radii by k, less the rounding error."""
        # Imported here, because it takes a second and a run without evaluations needs none of it.
        from sklearn.neighbors import NearestNeighbors

        ks = self.manifold_k, self.density_k
        check_at_least("k", min(ks), 1)
        points = checked_features("a set", self.features, max(ks) + 1, _remedy(max(ks)))
        # Rounding errors grow with the norms, which are smallest around the mean.
        points = points - points.mean(axis=0)
        # Brute force computes distances as `compute_prdc` does, with the rounding errors that
        # `_shrink` allows for.
        search = NearestNeighbors(n_neighbors=max(ks), algorithm="brute").fit(points)
        distances, _ = search.kneighbors()
        return {k: _shrink(distances[:, k - 1] ** 2, points) for k in ks}


def compute_prdc(real: Neighbourhoods, fake: Neighbourhoods) -> PRDC:
    """Computes precision, recall, density and coverage in one pass over all distances.

    Improved precision (fidelity) and recall (diversity) are in [0, 1]; higher is better. Source:
    Kynkäänniemi et al. 2019 (arXiv:1904.06991), section 2.

    Density (fidelity, from 0, may exceed 1) and coverage (diversity, in [0, 1]): higher is better.
    Samples of the real distribution, as many as there are reals, have an expected density of 1 and
    a coverage of about 1 - 2^-k. Both use balls around the reals only, so fakes that are outliers
    do not raise them. Source: Naeem et al. 2020 (arXiv:2002.09797), section 3.

    Args:
      real, fake: sets of the same width, with the same k; the distance is Euclidean. They keep
        their radii, so comparing a set with several others computes them once.

    Raises:
      UserError: k or fewer samples, k below 1, unequal widths, NaN or infinity.
    """
    from sklearn.metrics import pairwise_distances_chunked

    k = max(real.manifold_k, real.density_k)
    check_at_least("k", k, 1)
    real_points, fake_points = checked_pair(real.features, fake.features, k + 1, _remedy(k))
    # Rounding errors grow with the norms, so the mean of the reals is moved to 0.
    centre = real_points.mean(axis=0)
    real_points, fake_points = real_points - centre, fake_points - centre
    real_manifold = _shrink(real.squared_radii[real.manifold_k], real_points)
    fake_manifold = _shrink(fake.squared_radii[real.manifold_k], fake_points)
    neighbourhoods = _shrink(real.squared_radii[real.density_k], real_points)
    _warn_of_copies("real", real, k, "precision, density and coverage are")
    _warn_of_copies("generated", fake, real.manifold_k, "recall is")
    precise, pairs, start = 0, 0, 0
    recalled, covered = np.zeros((2, len(real_points)), bool)
    # Block by block, since 50,000 times 50,000 distances would take 20 GB.
    for squared in pairwise_distances_chunked(
        fake_points, real_points, squared=True, working_memory=BLOCK_MIB
    ):
        within = squared < neighbourhoods
        pairs += int(within.sum())
        covered |= within.any(axis=0)
        precise += int((squared < real_manifold).any(axis=1).sum())
        block_manifold = fake_manifold[start : start + len(squared), None]
        recalled |= (squared < block_manifold).any(axis=0)
        start += len(squared)
    precision, density = precise / start, pairs / start / real.density_k
    return PRDC(precision, float(recalled.mean()), density, float(covered.mean()))


def _warn_of_copies(name: str, samples: Neighbourhoods, k: int, scores: str) -> None:
    """Says why scores are 0 if every ball around a set's samples is empty."""
    if (samples.squared_radii[k] <= 0).all():
        logger.warning(
            f"{scores} 0: each {name} sample has {k} or more copies among the others, so the ball "
            "around it has radius 0 and holds nothing"
        )


def _shrink(squared_radii: SquaredRadii, points: Features) -> SquaredRadii:
    """Subtracts the largest rounding error of squared distances near the surface of each ball.

    A distance computed as |a|^2 + |b|^2 - 2ab is wrong by up to about features * eps *
    (|a|^2 + |b|^2), and b = a + (b - a) gives |a|^2 + |b|^2 <= 3 |a|^2 + 2 |b - a|^2.
    """
    rounding = 2 * (points.shape[1] + 4) * np.finfo(points.dtype).eps
    return squared_radii - rounding * (3 * np.sum(points**2, axis=1) + 2 * squared_radii)


def _remedy(k: int) -> str:
    return f"draw more or make k = {k} smaller"
