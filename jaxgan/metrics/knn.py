"""Walks over the distances of all pairs: how far neighbours are, and whose balls hold whom.

Blocks of distances are made and used up one after the other; the whole matrix never exists.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxgan.types import Scalar

BLOCK_DISTANCES = 2**21  # held at a time: 16 MiB in float64, about what a cache takes
GROUP = 16  # distances of which only the least is looked at first


@functools.partial(jax.jit, static_argnames="ks")
def knn_radii(
    points: Float[Array, "samples features"], ks: tuple[int, ...]
) -> Float[Array, "ks samples"]:
    """Squared distance to the k-th nearest other sample, for each k, less its rounding."""
    norms = jnp.sum(points**2, axis=1)

    def radii(block: tuple[Array, Array]) -> Float[Array, "rows ks"]:
        rows, of_rows = block
        squared = norms[None] + of_rows[:, None] - _twice_products(rows, points)
        return jax.vmap(nearest)(squared)

    def nearest(squared: Float[Array, " samples"]) -> Float[Array, " ks"]:
        least = _candidates(squared, max(ks) + 1)  # of which the sample itself is one
        return jnp.stack([_kth_smallest(least, k + 1) for k in ks])

    blocks = (_in_blocks(points, len(points)), _in_blocks(norms, len(points)))
    squared = jax.lax.map(radii, blocks).reshape(-1, len(ks))[: len(points)]
    sums = 3 * norms[:, None] + 2 * squared  # |a|^2 + |b|^2 is less: b = a + (b - a)
    return (squared - _rounding(points) * sums).T


@jax.jit
def ball_membership(
    real: Float[Array, "reals features"],
    fake: Float[Array, "fakes features"],
    real_manifold: Float[Array, " reals"],
    fake_manifold: Float[Array, " fakes"],
    neighbourhoods: Float[Array, " reals"],
) -> tuple[
    Bool[Array, " fakes"], Bool[Array, " reals"], Int[Array, " fakes"], Bool[Array, " reals"]
]:
    """Whose balls hold whom; a pair that rounding may have brought within reach is not."""
    real_norms, fake_norms = (
        jnp.sum(points**2, axis=1) * (1 + _rounding(real)) for points in (real, fake)
    )

    def walk(
        found: tuple[Array, Array], block: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        in_fake, covered = found
        rows, norms, reaches = block
        furthest = real_norms[None] + norms[:, None] - _twice_products(rows, real)
        within = furthest < neighbourhoods[None]
        in_fake |= jnp.any(furthest < reaches[:, None], axis=0)
        covered |= jnp.any(within, axis=0)
        return (in_fake, covered), (
            jnp.any(furthest < real_manifold[None], axis=1),
            jnp.sum(within, axis=1),
        )

    nothing = jnp.zeros(len(real), bool)
    blocks = (
        _in_blocks(fake, len(real)),
        _in_blocks(fake_norms, len(real), fill=jnp.inf),  # as far as a row of filling is
        _in_blocks(fake_manifold, len(real)),
    )
    (in_fake, covered), (in_real, balls) = jax.lax.scan(walk, (nothing, nothing), blocks)
    return in_real.ravel()[: len(fake)], in_fake, balls.ravel()[: len(fake)], covered


def _twice_products(
    rows: Float[Array, "rows features"], points: Float[Array, "points features"]
) -> Float[Array, "rows points"]:
    return 2 * jnp.matmul(rows, points.T, precision="highest")


def _rounding(points: Float[Array, "_ features"]) -> float:
    """How far off |a - b|^2 can be, computed as |a|^2 + |b|^2 - 2ab, in units of |a|^2 + |b|^2.

    It makes a tie a tie (of copied samples, say), so that strict comparison has one answer.
    A sum of d products is within d units of the last place.
    """
    return 2 * (points.shape[1] + 4) * float(jnp.finfo(points.dtype).eps)


def _candidates(values: Float[Array, " n"], count: int) -> Float[Array, " candidates"]:
    """Few of the values, among them the `count` smallest.

    These are in the `count` groups whose least values are smallest: what is in another group has
    `count` values, one in each of these, that are no greater.
    """
    if len(values) < 4 * GROUP * count:
        return values
    groups = jnp.pad(values, (0, -len(values) % GROUP), constant_values=jnp.inf).reshape(GROUP, -1)

    def take(least: Array, _: None) -> tuple[Array, Array]:
        place = jnp.argmin(least)
        return least.at[place].set(jnp.inf), place

    _, places = jax.lax.scan(take, jnp.min(groups, axis=0), None, length=count)
    return groups[:, places].ravel()


def _kth_smallest(values: Float[Array, " n"], k: int) -> Scalar:
    """Climbs through the distinct values; for small k it beats a sort, and XLA's top_k is one."""

    def climb(_: Int[Array, ""], level: Scalar) -> Scalar:
        above = jnp.min(jnp.where(values > level, values, jnp.inf))
        return jnp.where(jnp.sum(values <= level) >= k, level, above)

    return jax.lax.fori_loop(0, k, climb, jnp.asarray(-jnp.inf, values.dtype))


def _in_blocks(rows: Array, columns: int, fill: float = 0.0) -> Array:
    """Equal blocks of rows, the last one filled up: as many as make a block of distances small."""
    most = max(1, BLOCK_DISTANCES // columns)
    count = -(-len(rows) // most)
    size = -(-len(rows) // count)
    padding = [(0, count * size - len(rows))] + [(0, 0)] * (rows.ndim - 1)
    return jnp.pad(rows, padding, constant_values=fill).reshape(count, size, *rows.shape[1:])
