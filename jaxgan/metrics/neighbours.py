"""Precision, recall, density and coverage: which samples lie within whose nearest neighbours."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from jaxgan.metrics.checks import Features, check_at_least, checked_pair
from jaxgan.types import Scalar

BLOCK_DISTANCES = 2**23  # distances held at a time: 64 MiB in float64


class PrecisionRecall(NamedTuple):
    precision: float  # fraction of fakes within the reals' manifold
    recall: float  # fraction of reals within the fakes' manifold


class DensityCoverage(NamedTuple):
    density: float  # real neighbourhoods that hold a fake, on average, over k; may pass 1
    coverage: float  # fraction of real neighbourhoods that hold a fake


def precision_recall(real: ArrayLike, fake: ArrayLike, k: int = 3) -> PrecisionRecall:
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
    real, fake = _checked(real, fake, k)
    with jax.enable_x64(True):
        in_real = _balls_around(fake, real, _squared_radii(real, k)) > 0
        in_fake = _balls_around(real, fake, _squared_radii(fake, k)) > 0
    return PrecisionRecall(float(in_real.mean()), float(in_fake.mean()))


def density_coverage(real: ArrayLike, fake: ArrayLike, k: int = 5) -> DensityCoverage:
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
    real, fake = _checked(real, fake, k)
    with jax.enable_x64(True):
        radii = _squared_radii(real, k)
        density = _balls_around(fake, real, radii).mean() / k
        coverage = _holds_any(real, radii, fake).mean()
    return DensityCoverage(float(density), float(coverage))


def _checked(real: ArrayLike, fake: ArrayLike, k: int) -> tuple[Features, Features]:
    """Both sets about the mean of the real one: the nearer to zero, the smaller the rounding."""
    check_at_least("k", k, 1)
    real, fake = checked_pair(real, fake, k + 1, f"draw more or make k = {k} smaller")
    centre = real.mean(axis=0)
    return real - centre, fake - centre


def _squared_radii(points: Features, k: int) -> Float[np.ndarray, " samples"]:
    return np.asarray(_neighbour_distances(jnp.asarray(points), k))


def _balls_around(
    points: Features, centres: Features, squared_radii: Float[np.ndarray, " balls"]
) -> Int[np.ndarray, " points"]:
    """For each point, the number of balls that hold it."""
    return np.asarray(_balls_of_points(*map(jnp.asarray, (points, centres, squared_radii))))


def _holds_any(
    centres: Features, squared_radii: Float[np.ndarray, " balls"], points: Features
) -> Bool[np.ndarray, " balls"]:
    """For each ball, whether it holds a point."""
    return np.asarray(_balls_with_points(*map(jnp.asarray, (centres, squared_radii, points))))


@functools.partial(jax.jit, static_argnames="k")
def _neighbour_distances(
    points: Float[Array, "samples features"], k: int
) -> Float[Array, " samples"]:
    """Squared distance of each point to its k-th nearest other one."""
    norms = jnp.sum(points**2, axis=1)

    def distance(row: tuple[Array, Array]) -> Scalar:
        return _kth_smallest(_squared_distances(*row, points, norms), k + 1)  # itself is one

    return _map_rows(distance, (points, norms), len(points))


@jax.jit
def _balls_of_points(
    points: Float[Array, "points features"],
    centres: Float[Array, "balls features"],
    squared_radii: Float[Array, " balls"],
) -> Int[Array, " points"]:
    norms = jnp.sum(centres**2, axis=1)

    def count(row: tuple[Array, Array]) -> Int[Array, ""]:
        point, norm = row
        squared = _squared_distances(point, norm, centres, norms)
        return jnp.sum(squared < squared_radii - _rounding(norms + norm, centres.shape[1]))

    return _map_rows(count, (points, jnp.sum(points**2, axis=1)), len(centres))


@jax.jit
def _balls_with_points(
    centres: Float[Array, "balls features"],
    squared_radii: Float[Array, " balls"],
    points: Float[Array, "points features"],
) -> Bool[Array, " balls"]:
    norms = jnp.sum(points**2, axis=1)

    def holds(row: tuple[Array, Array, Array]) -> Bool[Array, ""]:
        centre, norm, squared_radius = row
        squared = _squared_distances(centre, norm, points, norms)
        return jnp.any(squared < squared_radius - _rounding(norms + norm, points.shape[1]))

    return _map_rows(holds, (centres, jnp.sum(centres**2, axis=1), squared_radii), len(points))


def _squared_distances(
    point: Float[Array, " features"],
    norm: Scalar,
    others: Float[Array, "others features"],
    norms: Float[Array, " others"],
) -> Float[Array, " others"]:
    """From one point to the others; mapped over points it is one matrix product."""
    return norms + norm - 2 * jnp.matmul(others, point, precision="highest")


def _rounding(norms: Float[Array, " others"], features: int) -> Float[Array, " others"]:
    """How far rounding can part two squared distances that are equal, given |a|^2 + |b|^2.

    It makes a tie a tie (of copied samples, say), so that strict comparison has one answer.
    A sum of d products is within d units of the last place; there are four in a comparison.
    """
    return 4 * (features + 4) * jnp.finfo(norms.dtype).eps * norms


def _kth_smallest(values: Float[Array, " n"], k: int) -> Scalar:
    """Climbs through the distinct values; for small k it beats a sort, and XLA's top_k is one."""

    def climb(_: Int[Array, ""], level: Scalar) -> Scalar:
        above = jnp.min(jnp.where(values > level, values, jnp.inf))
        return jnp.where(jnp.sum(values <= level) >= k, level, above)

    return jax.lax.fori_loop(0, k, climb, jnp.asarray(-jnp.inf, values.dtype))


def _map_rows(function: Callable[[Any], Array], rows: tuple[Array, ...], columns: int) -> Array:
    """`function` of each row, so many at a time that a block of distances stays small."""
    batch = max(1, min(len(rows[0]), BLOCK_DISTANCES // columns))
    return jax.lax.map(function, rows, batch_size=batch)
