"""Precision, recall, density and coverage: which samples lie within whose nearest neighbours.

Distances of all pairs are what costs, so they are walked once: within a set for the radii of all
its balls (`Neighbourhoods` keeps them), and across two sets for all four numbers (`overlap`).
"""

import functools
from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int

from jaxgan.metrics.knn import ball_membership, knn_radii
from jaxgan.metrics.validation import Features, check_at_least, checked_features, checked_pair

MANIFOLD_NEIGHBOUR = 3  # Kynkäänniemi et al. 2019
DENSITY_NEIGHBOUR = 5  # Naeem et al. 2020
Radii = Float[np.ndarray, " samples"]  # squared radii of open balls, less what rounding may add


class PrecisionRecall(NamedTuple):
    precision: float  # fraction of fakes within the reals' manifold
    recall: float  # fraction of reals within the fakes' manifold


class DensityCoverage(NamedTuple):
    density: float  # real neighbourhoods that hold a fake, on average, over k; may pass 1
    coverage: float  # fraction of real neighbourhoods that hold a fake


class Overlap(NamedTuple):
    manifolds: PrecisionRecall
    neighbourhoods: DensityCoverage


class Neighbourhoods:
    """A set of samples and, computed once when first asked for, the reach of the balls around them.

    Args:
      features: (samples, features), of which more than the largest k are needed.
      ks: which neighbours the balls may reach to.
    """

    def __init__(
        self, features: ArrayLike, ks: Iterable[int] = (MANIFOLD_NEIGHBOUR, DENSITY_NEIGHBOUR)
    ):
        self.features = features
        self.ks = tuple(ks)

    @functools.cached_property
    def radii(self) -> dict[int, Radii]:
        """By k. Balls are about the samples, and a sample's neighbours are the other ones."""
        lowest, most = min(self.ks), max(self.ks)
        check_at_least("k", lowest, 1)
        points = checked_features("a set", self.features, most + 1, _remedy(most))
        with jax.enable_x64(True):
            found = knn_radii(jnp.asarray(points - points.mean(axis=0)), self.ks)
        return dict(zip(self.ks, np.asarray(found), strict=True))


def precision_recall(
    real: ArrayLike, fake: ArrayLike, k: int = MANIFOLD_NEIGHBOUR
) -> PrecisionRecall:
    """Improved precision and recall: Kynkäänniemi et al. 2019 (arXiv:1904.06991), section 2.

    A set's manifold is the union of open balls around its samples, each reaching to the k-th
    nearest other sample of that set. A point on a sphere is outside, and so is one within
    rounding of it. (The paper has closed balls; Naeem et al.'s reference code, and so the
    numbers in print since, open ones.)

    Args:
      real, fake: (samples, features) of one width, in which distance is Euclidean.
      k: which neighbour.

    Raises:
      UserError: not more than k samples, k below 1, unequal widths, NaN or infinity.
    """
    points = _checked(real, fake, k)
    real_reaches, fake_reaches = (Neighbourhoods(each, [k]).radii[k] for each in points)
    held = _ball_membership(*points, real_reaches, fake_reaches, _NONE)
    return PrecisionRecall(float(held.in_real.mean()), float(held.in_fake.mean()))


def density_coverage(
    real: ArrayLike, fake: ArrayLike, k: int = DENSITY_NEIGHBOUR
) -> DensityCoverage:
    """Density and coverage: Naeem et al. 2020 (arXiv:2002.09797), section 3.

    Both look at open balls around the real samples only, each reaching to the k-th nearest
    other real sample. From one distribution, with as many fakes as reals, density expects 1
    and coverage 1 - 2^-k for many samples.

    Args:
      real, fake: (samples, features) of one width, in which distance is Euclidean.
      k: which neighbour.

    Raises:
      UserError: not more than k samples, k below 1, unequal widths, NaN or infinity.
    """
    points = _checked(real, fake, k)
    held = _ball_membership(*points, _NONE, _NONE, Neighbourhoods(points[0], [k]).radii[k])
    return DensityCoverage(float(held.balls.mean() / k), float(held.covered.mean()))


def overlap(
    real: Neighbourhoods,
    fake: Neighbourhoods,
    manifold_k: int = MANIFOLD_NEIGHBOUR,
    density_k: int = DENSITY_NEIGHBOUR,
) -> Overlap:
    """`precision_recall` and `density_coverage` from one walk over the distances across.

    Each set keeps its own radii, so that many pairs of few sets share them.

    Raises:
      UserError: as these two.
    """
    points = _checked(real.features, fake.features, max(manifold_k, density_k))
    reaches = real.radii[manifold_k], fake.radii[manifold_k], real.radii[density_k]
    held = _ball_membership(*points, *reaches)
    return Overlap(
        PrecisionRecall(float(held.in_real.mean()), float(held.in_fake.mean())),
        DensityCoverage(float(held.balls.mean() / density_k), float(held.covered.mean())),
    )


class _BallMembership(NamedTuple):
    in_real: Bool[np.ndarray, " fakes"]  # whether a ball of the reals' manifold holds the fake
    in_fake: Bool[np.ndarray, " reals"]
    balls: Int[np.ndarray, " fakes"]  # real neighbourhoods that hold the fake
    covered: Bool[np.ndarray, " reals"]  # whether the neighbourhood holds a fake


_NONE = np.array(-np.inf)  # the reach of a ball that holds nothing


def _remedy(k: int) -> str:
    return f"draw more or make k = {k} smaller"


def _checked(real: ArrayLike, fake: ArrayLike, k: int) -> tuple[Features, Features]:
    """Both sets about the mean of the real one: the nearer to zero, the smaller the rounding."""
    check_at_least("k", k, 1)
    real, fake = checked_pair(real, fake, k + 1, _remedy(k))
    centre = real.mean(axis=0)
    return real - centre, fake - centre


def _ball_membership(
    real: Features,
    fake: Features,
    real_manifold: np.ndarray,
    fake_manifold: np.ndarray,
    neighbourhoods: np.ndarray,
) -> _BallMembership:
    """Of balls of these reaches: two sets around the reals, one around the fakes."""
    reaches = (
        np.broadcast_to(reach, len(around))
        for reach, around in ((real_manifold, real), (fake_manifold, fake), (neighbourhoods, real))
    )
    with jax.enable_x64(True):
        found = ball_membership(*map(jnp.asarray, (real, fake, *reaches)))
        return _BallMembership(*map(np.asarray, found))
