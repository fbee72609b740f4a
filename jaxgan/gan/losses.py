"""Losses of the two players, as functions of the discriminator's logits.

Both players' losses are functions of the logits of real and of generated images, so that
relativistic losses have the same signature as the others.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax.nn import relu, softplus

from jaxgan.config import choices
from jaxgan.config.errors import UserError
from jaxgan.config.own_parts import load_part
from jaxgan.parallel.deterministic_mean import batch_mean
from jaxgan.types import Logits, Scalar


def margin_to_zero(real: Logits, fake: Logits) -> Logits:
    """Returns the logits of the real images: the decision boundary is at logit 0."""
    del fake
    return real


class Loss(NamedTuple):
    """The losses that the two players minimise.

    If D's loss has targets that can be smoothed, `disc` and `real_margin` also take `smoothing`.

    Attributes:
      disc, gen: `(real, fake) -> scalar`.
      real_margin: `(real, fake) -> logits`, positive where D classifies the real image as real;
        its sign drives ADA.
    """

    disc: Callable[..., Scalar]
    gen: Callable[[Logits, Logits], Scalar]
    real_margin: Callable[..., Logits] = margin_to_zero


def smooth_labels(loss: Loss, smoothing: float) -> Loss:
    """Returns the loss with D's target for real images at 1 - smoothing, for generated ones at 0.

    One-sided label smoothing: Salimans et al. 2016 (arXiv:1606.03498), section 3.4.
    """
    disc, real_margin = (
        functools.partial(f, smoothing=smoothing) for f in (loss.disc, loss.real_margin)
    )
    return loss._replace(disc=disc, real_margin=real_margin)


def find_loss(name: str) -> Loss:
    """Returns a loss in LOSSES, or one of the user's own by its import path.

    Raises:
      UserError: it cannot be imported, or is no `Loss`.
    """
    if name in LOSSES:
        return LOSSES[name]
    loss = load_part("loss", name)
    if not isinstance(loss, Loss):
        found = type(loss).__name__
        raise UserError(f"config.loss = {name!r}: is a {found}; must be a jaxgan.gan.losses.Loss")
    return loss


# With D(x) = sigmoid(logit): -log D(x) = softplus(-logit), -log(1 - D(x)) = softplus(logit).
# Goodfellow et al. 2014, equation 1 and the remark below it.


def cross_entropy_disc(real: Logits, fake: Logits, smoothing: float = 0.0) -> Scalar:
    as_real = jnp.mean(softplus(-real))
    if smoothing:
        as_real = (1 - smoothing) * as_real + smoothing * jnp.mean(softplus(real))
    return as_real + jnp.mean(softplus(fake))


def cross_entropy_margin(real: Logits, fake: Logits, smoothing: float = 0.0) -> Logits:
    """Returns how far the logits are above the optimal discriminator's decision boundary.

    At the boundary real and fake images are equally likely, and the optimal discriminator's
    probability is (1 - smoothing) / 2.
    """
    del fake
    return real - math.log((1 - smoothing) / (1 + smoothing))


def non_saturating_gen(real: Logits, fake: Logits) -> Scalar:
    del real
    return jnp.mean(softplus(-fake))


def saturating_gen(real: Logits, fake: Logits) -> Scalar:
    del real
    return -jnp.mean(softplus(fake))


# Mao et al. 2017 (arXiv:1611.04076), equation 9: targets 0 and 1, G aims at 1.


def least_squares_disc(real: Logits, fake: Logits, smoothing: float = 0.0) -> Scalar:
    return (jnp.mean((real - (1 - smoothing)) ** 2) + jnp.mean(fake**2)) / 2


def least_squares_gen(real: Logits, fake: Logits) -> Scalar:
    del real
    return jnp.mean((fake - 1) ** 2) / 2


def least_squares_margin(real: Logits, fake: Logits, smoothing: float = 0.0) -> Logits:
    del fake
    return real - (1 - smoothing) / 2  # midway between the targets


# Lim & Ye 2017 (arXiv:1705.02894); Miyato et al. 2018 (arXiv:1802.05957), equations 16 and 17.


def hinge_disc(real: Logits, fake: Logits) -> Scalar:
    return jnp.mean(relu(1 - real)) + jnp.mean(relu(1 + fake))


# Arjovsky et al. 2017 (arXiv:1701.07875), equation 3. D is kept Lipschitz by a penalty or clipping.


def wasserstein_disc(real: Logits, fake: Logits) -> Scalar:
    return jnp.mean(fake) - jnp.mean(real)


def wasserstein_gen(real: Logits, fake: Logits) -> Scalar:
    del real
    return -jnp.mean(fake)


def margin_to_mean(real: Logits, fake: Logits) -> Logits:
    """Returns the distance from the mean fake logit, for losses of differences of logits."""
    return real - batch_mean(fake)


# RSGAN: Jolicoeur-Martineau 2018 (arXiv:1807.00734). The i-th real image is paired with the i-th
# generated one. With R1 and R2 it is the objective of R3GAN.


def relativistic_disc(real: Logits, fake: Logits) -> Scalar:
    return jnp.mean(softplus(fake - real))


def relativistic_gen(real: Logits, fake: Logits) -> Scalar:
    return relativistic_disc(fake, real)


def margin_to_pair(real: Logits, fake: Logits) -> Logits:
    """Returns the distance from the logit of the paired generated image."""
    return real - fake


# RaSGAN, from the same paper: each image is compared with the mean of the other kind.


def relativistic_average_disc(real: Logits, fake: Logits) -> Scalar:
    return cross_entropy_disc(real - batch_mean(fake), fake - batch_mean(real))


def relativistic_average_gen(real: Logits, fake: Logits) -> Scalar:
    return relativistic_average_disc(fake, real)


LOSSES: dict[str, Loss] = {
    "non_saturating": Loss(cross_entropy_disc, non_saturating_gen, cross_entropy_margin),
    "saturating": Loss(cross_entropy_disc, saturating_gen, cross_entropy_margin),
    "least_squares": Loss(least_squares_disc, least_squares_gen, least_squares_margin),
    "hinge": Loss(hinge_disc, wasserstein_gen),
    "wasserstein": Loss(wasserstein_disc, wasserstein_gen, margin_to_mean),
    "relativistic": Loss(relativistic_disc, relativistic_gen, margin_to_pair),
    "relativistic_average": Loss(
        relativistic_average_disc, relativistic_average_gen, margin_to_mean
    ),
}
choices.check_names(LOSSES, choices.LOSSES)
