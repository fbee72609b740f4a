"""Batch-norm statistics for the generator's averaged weights (standing statistics)."""

import functools

import jax
import jax.numpy as jnp

from jaxgan.gan.sampling import BLOCK, cycled_labels, sample_latents
from jaxgan.gan.state import Gan, TrainState, with_labels
from jaxgan.types import Params, PRNGKey, Stream, stream_key

STANDING_BLOCKS = 16  # blocks whose statistics are those of averaged weights
BATCH_STATS = "batch_stats"  # Flax's name for what batch norm keeps


def inference_variables(gan: Gan, state: TrainState) -> tuple[Params, Params]:
    """(weights, statistics) of the generator to sample with: averaged ones where there are any."""
    if not state.ema_params:
        return state.gen.params, state.gen.stats
    return state.ema_params, standing_stats(gan, state.ema_params, state.gen.stats, state.key)


def standing_latents(state: TrainState) -> int:
    """Of how many latents `sampling_variables` takes statistics; 0 where they are training's."""
    return STANDING_BLOCKS * BLOCK if state.ema_params and state.gen.stats.get(BATCH_STATS) else 0


@functools.partial(jax.jit, static_argnums=0)
def standing_stats(gan: Gan, params: Params, stats: Params, key: PRNGKey) -> Params:
    """`stats` with those of batch norm replaced by the ones that belong to `params`.

    What training keeps are statistics of the weights that train; averaged ones have others. These
    are means over those of STANDING blocks of BLOCK latents, any classes in turn, which the run's
    seed fixes (standing statistics: Brock et al. 2019, arXiv:1809.11096). A network's own batch
    norm must, as Flax's does, keep arrays that each batch moves a fixed part of the way to its own
    value; that part is found by differentiating.
    """
    if not stats.get(BATCH_STATS):
        return stats
    z = sample_latents(gan, STANDING_BLOCKS * BLOCK, stream_key(key, Stream.STANDING, 0))
    inputs = (z, cycled_labels(gan, len(z)))
    start = jax.tree.map(jnp.zeros_like, stats[BATCH_STATS])

    def of_block(block):
        z, labels = block

        def moved(kept):
            variables = {"params": params, **stats, BATCH_STATS: kept}
            _, updated = gan.gen.apply(
                variables, z, True, *with_labels(labels), mutable=list(stats)
            )
            return updated[BATCH_STATS]

        one = jax.tree.map(jnp.ones_like, start)
        left, remains = jax.jvp(moved, (start,), (one,))
        return jax.tree.map(lambda part, rest: part / (1 - rest), left, remains)

    blocks = jax.tree.map(lambda x: x.reshape(STANDING_BLOCKS, BLOCK, *x.shape[1:]), inputs)
    found = jax.lax.map(of_block, blocks)
    return {**stats, BATCH_STATS: jax.tree.map(lambda each: jnp.mean(each, axis=0), found)}
