"""Objectives of the two players, as functions of the discriminator's logits.

Each loss is a pair with one signature: both players see the logits of the real and of the
generated images, so that a relativistic loss is written as any other is.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.types import Logits, Scalar


class Loss(NamedTuple):
    """What each player minimises."""

    disc: Callable[[Logits, Logits], Scalar]
    gen: Callable[[Logits, Logits], Scalar]


# With D(x) = sigmoid(logit): -log D(x) = softplus(-logit), -log(1 - D(x)) = softplus(logit).
# Goodfellow et al. 2014, equation 1 and the remark below it.


def cross_entropy_disc(real: Logits, fake: Logits) -> Scalar:
    return jnp.mean(softplus(-real)) + jnp.mean(softplus(fake))


def non_saturating_gen(real: Logits, fake: Logits) -> Scalar:
    del real
    return jnp.mean(softplus(-fake))


def saturating_gen(real: Logits, fake: Logits) -> Scalar:
    del real
    return -jnp.mean(softplus(fake))


LOSSES: dict[str, Loss] = {
    "non_saturating": Loss(cross_entropy_disc, non_saturating_gen),
    "saturating": Loss(cross_entropy_disc, saturating_gen),
}
