"""The kernel distance: squared maximum mean discrepancy, cubic kernel (KID, with Inception)."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from jaxgan.metrics.validation import check_at_least, checked_pair
from jaxgan.types import PRNGKey, Scalar

# Of the kernel matrix at a time, so that the products fit in a cache.
KERNEL_ROWS = 128


class KernelDistance(NamedTuple):
    """Mean over the subsets, and standard deviation of the value of one subset."""

    mean: float
    std: float


def kernel_distance(
    real: ArrayLike, fake: ArrayLike, key: PRNGKey, subsets: int = 100, subset_size: int = 1000
) -> KernelDistance:
    """Estimates MMD^2 with the kernel k(x, y) = (x.y / features + 1)^3; lower is better.

    Its expectation is 0 for equal distributions, and positive otherwise. The estimate is
    unbiased, so it may be negative. Each subset is drawn from the whole set without replacement;
    one subset as large as both sets gives the estimate from all samples.

    Source: Bińkowski et al. 2018 (arXiv:1801.01401), with the estimator of Gretton et al. 2012
    (JMLR 13), eq. 3.

    Args:
      real, fake: (samples, features) of the same width.
      key: draws the subsets.
      subsets: number of subsets.
      subset_size: samples of each set in a subset.

    Raises:
      UserError: a set smaller than a subset, subsets below 1, subset_size below 2, unequal
        widths, NaN or infinity.
    """
    check_at_least("subsets", subsets, 1)
    check_at_least("subset_size", subset_size, 2)
    real, fake = checked_pair(real, fake, subset_size, "draw more or make subset_size smaller")
    real_key, fake_key = jax.random.split(key)
    real_rows = _subsets(real_key, len(real), subsets, subset_size)
    fake_rows = _subsets(fake_key, len(fake), subsets, subset_size)
    # In float64, since the estimate is a small difference of large sums.
    with jax.enable_x64(True):
        values = _discrepancies(jnp.asarray(real), jnp.asarray(fake), real_rows, fake_rows)
        return KernelDistance(float(jnp.mean(values)), float(jnp.std(values)))


@functools.partial(jax.jit, static_argnames=("samples", "subsets", "size"))
def _subsets(key: PRNGKey, samples: int, subsets: int, size: int) -> Int[Array, "subsets size"]:
    def draw(subset_key: PRNGKey) -> Int[Array, " size"]:
        return jax.random.permutation(subset_key, samples)[:size]

    return jax.lax.map(draw, jax.random.split(key, subsets))


@jax.jit
def _discrepancies(
    real: Float[Array, "reals features"],
    fake: Float[Array, "fakes features"],
    real_rows: Int[Array, "subsets size"],
    fake_rows: Int[Array, "subsets size"],
) -> Float[Array, " subsets"]:
    # One subset at a time: `vmap` would hold the kernel matrices of all subsets.
    return jax.lax.map(
        lambda rows: _discrepancy(real[rows[0]], fake[rows[1]]), (real_rows, fake_rows)
    )


def _discrepancy(x: Float[Array, "size features"], y: Float[Array, "size features"]) -> Scalar:
    size = len(x)
    # Without the diagonal, where a sample meets itself: it would bias the estimate upwards.
    within = _kernel_sum(x, x) - _kernel_trace(x) + _kernel_sum(y, y) - _kernel_trace(y)
    return within / (size * (size - 1)) - 2 * _kernel_sum(x, y) / size**2


def _kernel_sum(x: Float[Array, "rows features"], y: Float[Array, "columns features"]) -> Scalar:
    scaled = y / y.shape[1]

    def row_sum(row: Float[Array, " features"]) -> Scalar:
        return jnp.sum(_cubic(jnp.matmul(scaled, row, precision="highest")))

    return jnp.sum(jax.lax.map(row_sum, x, batch_size=min(KERNEL_ROWS, len(x))))


def _kernel_trace(x: Float[Array, "rows features"]) -> Scalar:
    return jnp.sum(_cubic(jnp.mean(x**2, axis=1)))


def _cubic(products: Float[Array, "..."]) -> Float[Array, "..."]:
    return (products + 1) ** 3
