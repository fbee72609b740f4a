"""Running statistics of the discriminator's logits: LeCam's means and ADA's probability."""

import jax
import jax.numpy as jnp

from jaxgan.gan.state import D_RUNNING_STATS, Gan
from jaxgan.parallel.deterministic_mean import batch_mean
from jaxgan.types import Logits, Params, Scalar

LECAM_DECAY = 0.99  # Tseng et al. 2021 (arXiv:2104.03310), section 5
LECAM_MEANS = ("mean_real", "mean_fake")


def update_d_statistics(gan: Gan, stats: Params, real: Logits, fake: Logits) -> Params:
    """Returns D's statistics with the running ones updated, if the GAN keeps any."""
    if D_RUNNING_STATS not in stats:
        return stats
    running = dict(stats[D_RUNNING_STATS])
    if "mean_real" in running:
        # Both means are exactly 0 only before the first update, which sets them to its own.
        uninitialized = (running["mean_real"] == 0) & (running["mean_fake"] == 0)
        decay = jnp.where(uninitialized, 0.0, LECAM_DECAY)
        for name, logits in zip(LECAM_MEANS, (real, fake), strict=True):
            mean = jax.lax.stop_gradient(batch_mean(logits))
            running[name] = decay * running[name] + (1 - decay) * mean
    if "probability" in running:
        running["probability"] = _adapt(gan, running["probability"], real, fake)
    return {**stats, D_RUNNING_STATS: running}


def _adapt(gan: Gan, probability: Scalar, real: Logits, fake: Logits) -> Scalar:
    """Moves ADA's probability up if D is too sure of real images, else down.

    Karras et al. 2020 (arXiv:2006.06676), section 3: r_t is the mean sign of the real logits, or
    here of the loss's `real_margin`.
    """
    mean_sign = batch_mean(jnp.sign(gan.loss.real_margin(real, fake)))
    direction = jnp.sign(mean_sign - gan.augment.target)
    images = len(real) * gan.packing * max(gan.shards, 1)
    change = direction * images / gan.augment.adapt_images
    return jnp.clip(probability + change, 0.0, 1.0)
