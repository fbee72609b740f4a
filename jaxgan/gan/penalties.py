"""Penalties on the discriminator, as functions of the critic.

Each is `(critic, real, fake, key) -> scalar`, without its weight. Images are what the discriminator
sees: augmented and packed. A batch of n images gives n logits.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgan.config import choices
from jaxgan.config.own_parts import load_part
from jaxgan.gan.augment import translation
from jaxgan.types import Images, Logits, PRNGKey, Scalar


@dataclasses.dataclass(frozen=True)
class Critic:
    """The discriminator as a function of images alone, and the running means of its logits."""

    function: Callable[[Images], Logits]
    mean_real: Scalar | float = 0.0
    mean_fake: Scalar | float = 0.0

    def __call__(self, images: Images) -> Logits:
        return self.function(images)


Penalty = Callable[[Critic, Images, Images, PRNGKey], Scalar]


def r1(critic: Critic, real: Images, fake: Images, key: PRNGKey) -> Scalar:
    """Returns half the squared gradient norm at real images.

    Mescheder et al. 2018 (arXiv:1801.04406), equation 9.
    """
    del fake, key
    return jnp.mean(_squared_norms(critic, real)) / 2


def r2(critic: Critic, real: Images, fake: Images, key: PRNGKey) -> Scalar:
    """Returns half the squared gradient norm at generated images: the same paper, equation 10."""
    del real, key
    return jnp.mean(_squared_norms(critic, fake)) / 2


def wgan_gp(critic: Critic, real: Images, fake: Images, key: PRNGKey) -> Scalar:
    """Pulls gradient norms between real and fake images to 1.

    Gulrajani et al. 2017 (arXiv:1704.00028), equation 3.
    """
    share = jax.random.uniform(key, (len(real),) + (1,) * (real.ndim - 1))
    return _distance_from_one(critic, share * real + (1 - share) * fake)


def dragan(critic: Critic, real: Images, fake: Images, key: PRNGKey) -> Scalar:
    """Pulls gradient norms around the real images to 1: Kodali et al. 2017 (arXiv:1705.07215).

    The noise is uniform up to half the standard deviation of the batch, times a uniform factor for
    each image, as in the authors' code.
    """
    del fake
    noise_key, share_key = jax.random.split(key)
    noise = 0.5 * jnp.std(real) * jax.random.uniform(noise_key, real.shape)
    share = jax.random.uniform(share_key, (len(real),) + (1,) * (real.ndim - 1))
    return _distance_from_one(critic, real + share * noise)


def consistency(critic: Critic, real: Images, fake: Images, key: PRNGKey) -> Scalar:
    """Pulls logits of shifted real images to those of the originals.

    Zhang et al. 2020 (arXiv:1910.12027).
    """
    del fake
    return jnp.mean((critic(real) - critic(translation(real, key))) ** 2)


def lecam(critic: Critic, real: Images, fake: Images, key: PRNGKey) -> Scalar:
    """Pulls logits to the running mean of the other kind of images.

    Tseng et al. 2021 (arXiv:2104.03310).
    """
    del key
    to_fake = jnp.mean((critic(real) - critic.mean_fake) ** 2)
    return to_fake + jnp.mean((critic(fake) - critic.mean_real) ** 2)


def find_penalty(name: str) -> Penalty:
    """Returns a penalty in PENALTIES, or one of the user's own by its import path."""
    return PENALTIES[name] if name in PENALTIES else load_part("penalty", name)


def _squared_norms(critic: Critic, images: Images) -> Float[Array, " batch"]:
    """Returns the squared norm of the gradient of each logit with respect to its image."""
    gradients = jax.grad(lambda x: jnp.sum(critic(x)))(images)
    return jnp.sum(gradients.reshape(len(images), -1) ** 2, axis=1)


def _distance_from_one(critic: Critic, images: Images) -> Scalar:
    norms = jnp.sqrt(_squared_norms(critic, images) + 1e-12)  # the root has no gradient at 0
    return jnp.mean((norms - 1) ** 2)


PENALTIES: dict[str, Penalty] = {  # the order is part of a run's bits: only append
    "r1": r1,
    "r2": r2,
    "wgan_gp": wgan_gp,
    "dragan": dragan,
    "consistency": consistency,
    "lecam": lecam,
}
choices.check_names(PENALTIES, choices.PENALTIES)
