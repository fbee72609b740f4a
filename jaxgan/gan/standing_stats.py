"""Batch-norm statistics for the generator's averaged weights (standing statistics)."""

import functools

import jax
import jax.numpy as jnp

from jaxgan.gan.sampling import BLOCK, cycled_labels, sample_latents
from jaxgan.gan.state import Gan, TrainState
from jaxgan.types import Labels, Latents, Params, PRNGKey, Stream, stream_key

STANDING_BLOCKS = 16  # blocks of latents whose statistics are averaged
BATCH_STATS = "batch_stats"  # Flax's name of batch norm's collection of variables


def inference_variables(gan: Gan, state: TrainState) -> tuple[Params, Params]:
    """Returns the weights and statistics to sample with: averaged weights if there are any."""
    if not state.ema_params:
        return state.gen.params, state.gen.stats
    return state.ema_params, standing_stats(gan, state.ema_params, state.gen.stats, state.key)


def count_standing_latents(state: TrainState) -> int:
    """Counts the latents behind the statistics of `inference_variables`.

    0 means that they are the running averages of training.
    """
    return STANDING_BLOCKS * BLOCK if state.ema_params and state.gen.stats.get(BATCH_STATS) else 0


@functools.partial(jax.jit, static_argnums=0)
def standing_stats(gan: Gan, params: Params, stats: Params, key: PRNGKey) -> Params:
    """Returns `stats` with batch norm's recomputed for `params` (Brock et al. 2019, 1809.11096).

    Training's running averages fit the raw weights, not the EMA weights. The new ones are means
    over blocks of latents that depend only on the run's seed.

    Each batch must move every array of batch norm a fixed part of the way to the batch's own value,
    as Flax's batch norm does. That part is found by differentiation, so that it also holds for a
    user's network.
    """
    if not stats.get(BATCH_STATS):
        return stats
    z = sample_latents(gan, STANDING_BLOCKS * BLOCK, stream_key(key, Stream.STANDING, 0))
    inputs = (z, cycled_labels(gan, len(z)))
    zeros = jax.tree.map(jnp.zeros_like, stats[BATCH_STATS])
    ones = jax.tree.map(jnp.ones_like, zeros)

    def block_stats(block: tuple[Latents, Labels | None]) -> Params:
        def update(running: Params) -> Params:
            variables = {"params": params, **stats, BATCH_STATS: running}
            z, labels = block
            _, updated = gan.gen.apply(variables, z, True, labels, mutable=list(stats))
            return updated[BATCH_STATS]

        moved, kept = jax.jvp(update, (zeros,), (ones,))
        return jax.tree.map(lambda part, rest: part / (1 - rest), moved, kept)

    blocks = jax.tree.map(lambda x: x.reshape(STANDING_BLOCKS, BLOCK, *x.shape[1:]), inputs)
    stats_of_blocks = jax.lax.map(block_stats, blocks)
    means = jax.tree.map(lambda array: jnp.mean(array, axis=0), stats_of_blocks)
    return {**stats, BATCH_STATS: means}
