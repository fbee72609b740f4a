"""Directions in the space of latents that change the images most (SeFa, Shen and Zhou 2021).

Closed-form factorisation (arXiv:2007.06600): the first layer of a generator maps latents z to A z,
and the eigenvectors of A^T A with the largest eigenvalues are the directions that change A z most.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxgan.config.errors import UserError
from jaxgan.gan.state import Gan
from jaxgan.networks import dcgan, mlp, r3gan, sngan
from jaxgan.types import Array, Params


class Directions(NamedTuple):
    """Directions by number, the strongest first.

    Attributes:
      vectors: of length 1, orthogonal to each other; the largest entry of each is positive.
      singular_values: how much faster than z the output of the first layer changes.
    """

    vectors: Float[np.ndarray, "directions latent"]
    singular_values: Float[np.ndarray, " directions"]


def latent_directions(gan: Gan, params: Params) -> Directions:
    """Factorises the first layer of a generator.

    A layer of fewer outputs than latents has as many directions as outputs. The part that takes
    labels is left out.

    Args:
      params: of the generator.

    Raises:
      UserError: the first layer of this network is not known, as for a network of one's own.
    """
    kernel = np.asarray(first_layer(gan, params), np.float64)
    vectors, values, _ = np.linalg.svd(kernel, full_matrices=False)
    vectors = vectors.T
    # The sign of a singular vector is arbitrary, and may differ between versions of LAPACK.
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    return Directions((vectors * np.sign(largest)).astype(np.float32), values.astype(np.float32))


def first_layer(gan: Gan, params: Params) -> Float[Array, "latent outputs"]:
    """Returns the matrix that the first layer of a generator multiplies latents with.

    Raises:
      UserError: as `latent_directions`.
    """
    module = gan.gen.module
    if type(module) not in FIRST_LAYERS:
        known = ", ".join(layer.__module__.rpartition(".")[2] for layer in FIRST_LAYERS)
        raise UserError(
            f"directions: the first layer of {type(module).__module__}.{type(module).__name__} is "
            f"not known; must be a network of {known}"
        )
    # What labels add to the inputs comes after the latents.
    return FIRST_LAYERS[type(module)](params)[: gan.latent_size]


def _dense(params: Params) -> Array:
    return params["Dense_0"]["kernel"]


def _dense_times_basis(params: Params) -> Array:
    """Returns the matrix from z to the lengths of r3gan's maps: gains times a learnt basis."""
    lengths = jnp.sqrt(jnp.sum(params["basis"] ** 2, axis=(0, 1, 2)))
    return _dense(params) * lengths[None]


FIRST_LAYERS: dict[type, Callable[[Params], Array]] = {
    mlp.Generator: lambda params: params["Linear_0"]["dense"]["kernel"],
    dcgan.Generator: _dense,
    sngan.Generator: _dense,
    r3gan.Generator: _dense_times_basis,
}
