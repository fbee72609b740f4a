"""Running statistics of the discriminator's logits: LeCam's means and ADA's probability."""

import jax
import jax.numpy as jnp

from jaxgan.gan.state import D_RUNNING_STATS
from jaxgan.parallel.deterministic_mean import batch_mean

LECAM_DECAY = 0.99  # Tseng et al. 2021 (arXiv:2104.03310), section 5


def update_d_statistics(gan, stats, real_logits, fake_logits):
    """D's stats with the running means of its logits, which start at those of the first update,
    and the adapted probability, if kept."""
    if D_RUNNING_STATS not in stats:
        return stats
    tracked = dict(stats[D_RUNNING_STATS])
    sides = {"mean_real": real_logits, "mean_fake": fake_logits}
    kept = [tracked[name] for name in sides if name in tracked]
    decay = jnp.where(sum(map(jnp.abs, kept)) == 0, 0.0, LECAM_DECAY)
    for name, logits in sides.items():
        if name in tracked:
            mean = jax.lax.stop_gradient(batch_mean(logits))
            tracked[name] = decay * tracked[name] + (1 - decay) * mean
    if "probability" in tracked:
        # Karras et al. 2020 (arXiv:2006.06676), section 3: r_t, the mean sign of the real logits;
        # of losses with another threshold than zero, of their distance from that.
        sure = batch_mean(jnp.sign(gan.loss.real_margin(real_logits, fake_logits)))
        direction = jnp.sign(sure - gan.augment.target)
        images = len(real_logits) * gan.packing * max(gan.shards, 1)
        change = direction * images / gan.augment.adapt_images
        tracked["probability"] = jnp.clip(tracked["probability"] + change, 0.0, 1.0)
    return {**stats, D_RUNNING_STATS: tracked}
