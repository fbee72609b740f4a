"""The discriminator's decision for any point: above zero it takes the point for a real one."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgan.gan.state import Gan, Player
from jaxgan.types import Images, Logits


@functools.partial(jax.jit, static_argnums=0)
def decision_surface(
    gan: Gan, disc: Player, points: Images, fake: Float[Array, "fakes dims"]
) -> Logits:
    """Returns how far each point is on the real side of D's decision boundary, in logits.

    A loss of differences of logits has no boundary of its own: there a point is compared with the
    mean logit of generated points. The sigmoid of the result is 1/2 at the boundary.

    Args:
      disc: the discriminator's weights and statistics.
      fake: generated points.
    """
    if gan.packing > 1 or gan.classes:
        raise ValueError("D's decision for a single point needs config.packing = 1 and no labels")
    variables = {"params": disc.params, **disc.stats}
    logits, fake_logits = (gan.disc.apply(variables, x, False) for x in (points, fake))
    return gan.loss.real_margin(logits, jnp.full_like(logits, jnp.mean(fake_logits)))
