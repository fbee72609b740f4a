"""Objectives of the two players, as functions of the discriminator's logits.

Each loss is a pair with one signature: both players see the logits of the real and of the
generated images, so that a relativistic loss is written as any other is.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax.nn import relu, softplus

from jaxgan.parallel.deterministic_mean import batch_mean
from jaxgan.types import Logits, Scalar


def margin_to_zero(real: Logits, fake: Logits) -> Logits:
    del fake
    return real


class Loss(NamedTuple):
    """What each player minimises.

    Attributes:
      disc, gen: `(real, fake) -> scalar`.
      verdict: `(real, fake) -> logits`, above zero where D takes a real image for one.
      targets: whether there are any to smooth; then `disc` and `verdict` take `smoothing` too.
    """

    disc: Callable[..., Scalar]
    gen: Callable[[Logits, Logits], Scalar]
    real_margin: Callable[..., Logits] = margin_to_zero
    targets: bool = False


def smooth_labels(loss: Loss, smoothing: float) -> Loss:
    """The loss with the target of real images at 1 - smoothing, that of generated ones at 0.

    One-sided label smoothing, Salimans et al. 2016 (arXiv:1606.03498), section 3.4.
    """
    disc, verdict = (
        functools.partial(f, smoothing=smoothing) for f in (loss.disc, loss.real_margin)
    )
    return loss._replace(disc=disc, real_margin=verdict)


# With D(x) = sigmoid(logit): -log D(x) = softplus(-logit), -log(1 - D(x)) = softplus(logit).
# Goodfellow et al. 2014, equation 1 and the remark below it.


def cross_entropy_disc(real: Logits, fake: Logits, smoothing: float = 0.0) -> Scalar:
    as_real = jnp.mean(softplus(-real))
    if smoothing:
        as_real = (1 - smoothing) * as_real + smoothing * jnp.mean(softplus(real))
    return as_real + jnp.mean(softplus(fake))


def cross_entropy_margin(real: Logits, fake: Logits, smoothing: float = 0.0) -> Logits:
    """Against the logit of the best D where both are as likely: D = (1 - smoothing) / 2."""
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
    return real - (1 - smoothing) / 2  # half-way between the targets


# Lim & Ye 2017 (arXiv:1705.02894); Miyato et al. 2018 (arXiv:1802.05957), equations 16 and 17.


def hinge_disc(real: Logits, fake: Logits) -> Scalar:
    return jnp.mean(relu(1 - real)) + jnp.mean(relu(1 + fake))


# Arjovsky et al. 2017 (arXiv:1701.07875), equation 3; D is 1-Lipschitz by a penalty or by clipping.


def wasserstein_disc(real: Logits, fake: Logits) -> Scalar:
    return jnp.mean(fake) - jnp.mean(real)


def wasserstein_gen(real: Logits, fake: Logits) -> Scalar:
    del real
    return -jnp.mean(fake)


# Where differences alone count, a logit says nothing by itself: a real image is judged against what
# the loss itself puts on the other side.


def margin_to_mean(real: Logits, fake: Logits) -> Logits:
    return real - batch_mean(fake)


# Relativistic pairing: Jolicoeur-Martineau 2018 (arXiv:1807.00734), RSGAN; the i-th real image is
# the rival of the i-th generated one. With R1 and R2 it is the objective of R3GAN.


def relativistic_disc(real: Logits, fake: Logits) -> Scalar:
    return jnp.mean(softplus(fake - real))


def relativistic_gen(real: Logits, fake: Logits) -> Scalar:
    return relativistic_disc(fake, real)


def margin_to_pair(real: Logits, fake: Logits) -> Logits:
    return real - fake


# Relativistic average, the same paper, RaSGAN: each image against the mean of the other side.


def relativistic_average_disc(real: Logits, fake: Logits) -> Scalar:
    return cross_entropy_disc(real - batch_mean(fake), fake - batch_mean(real))


def relativistic_average_gen(real: Logits, fake: Logits) -> Scalar:
    return relativistic_average_disc(fake, real)


LOSSES: dict[str, Loss] = {
    "non_saturating": Loss(
        cross_entropy_disc, non_saturating_gen, cross_entropy_margin, targets=True
    ),
    "saturating": Loss(cross_entropy_disc, saturating_gen, cross_entropy_margin, targets=True),
    "least_squares": Loss(
        least_squares_disc, least_squares_gen, least_squares_margin, targets=True
    ),
    "hinge": Loss(hinge_disc, wasserstein_gen),
    "wasserstein": Loss(wasserstein_disc, wasserstein_gen, margin_to_mean),
    "relativistic": Loss(relativistic_disc, relativistic_gen, margin_to_pair),
    "relativistic_average": Loss(
        relativistic_average_disc, relativistic_average_gen, margin_to_mean
    ),
}
