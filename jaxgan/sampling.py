"""Latents, and images from them."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxgan.state import Gan, TrainState, with_labels
from jaxgan.types import Images, Labels, Latents, Params, PRNGKey, Stream, stream_key, to_pixels

BLOCK = 256  # images generated at a time: bounds the memory of activations
STANDING = 16  # blocks whose statistics are those of averaged weights
BATCH_STATS = "batch_stats"  # Flax's name for what batch norm keeps


def sample_latents(gan: Gan, count: int, key: PRNGKey) -> Latents:
    """`count` draws from the standard normal prior."""
    return jax.random.normal(key, (count, gan.latent_size))


def labels_in_turn(gan: Gan, count: int) -> Labels | None:
    """0, 1, 2, ... and again from 0: as many of each class; None where the GAN has no classes."""
    return jnp.arange(count, dtype=jnp.int32) % gan.classes if gan.classes else None


def update_latents(gan: Gan, count: int, key: PRNGKey) -> Latents:
    """The latents of one update of either player; `key` is the update's."""
    return sample_latents(gan, count, jax.random.fold_in(key, Stream.LATENTS))


def sampling_variables(gan: Gan, state: TrainState) -> tuple[Params, Params]:
    """(weights, statistics) of the generator to sample with: averaged ones where there are any."""
    if not state.ema_params:
        return state.gen.params, state.gen.stats
    return state.ema_params, standing_stats(gan, state.ema_params, state.gen.stats, state.key)


def standing_latents(state: TrainState) -> int:
    """Of how many latents `sampling_variables` takes statistics; 0 where they are training's."""
    return STANDING * BLOCK if state.ema_params and state.gen.stats.get(BATCH_STATS) else 0


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
    z = sample_latents(gan, STANDING * BLOCK, stream_key(key, Stream.STANDING, 0))
    inputs = (z, labels_in_turn(gan, len(z)))
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

    blocks = jax.tree.map(lambda x: x.reshape(STANDING, BLOCK, *x.shape[1:]), inputs)
    found = jax.lax.map(of_block, blocks)
    return {**stats, BATCH_STATS: jax.tree.map(lambda each: jnp.mean(each, axis=0), found)}


@functools.partial(jax.jit, static_argnums=0)
def generate(
    gan: Gan, params: Params, stats: Params, z: Latents, labels: Labels | None = None
) -> Images:
    """G(z) as at test time: stored statistics where the network has any."""
    inputs = (z, False, labels) if gan.classes else (z, False)
    images: Images = gan.gen.apply({"params": params, **stats}, *inputs)  # type: ignore
    return images


@functools.partial(jax.jit, static_argnums=(0, 3))
def sample_pixels(
    gan: Gan,
    params: Params,
    stats: Params,
    count: int,
    key: PRNGKey,
    labels: Labels | None = None,
) -> jax.Array:
    """`count` generated images as uint8 pixels, or points as they are, BLOCK at a time.

    Without `labels` a class-conditional GAN is asked for its classes in turn.
    """
    size = min(count, BLOCK)
    blocks = -(-count // size)
    z = sample_latents(gan, blocks * size, key).reshape(blocks, size, gan.latent_size)
    if gan.classes:
        labels = jnp.arange(count) % gan.classes if labels is None else labels
        labels = jnp.resize(labels, (blocks, size))
    pixels = jax.lax.map(lambda block: to_pixels(generate(gan, params, stats, *block)), (z, labels))
    return pixels.reshape(blocks * size, *pixels.shape[2:])[:count]


def interpolate(start: Latents, end: Latents, points: int) -> Array:
    """Great-circle paths between latents, `points` on each with both ends (White 2016, slerp).

    Returns (batch, points, latent). Normal latents lie near a sphere, and so do these, where
    those of a straight line would not.
    """
    cosine = jnp.sum(_unit(start) * _unit(end), axis=-1)[:, None, None]
    angle = jnp.maximum(jnp.arccos(jnp.clip(cosine, -1, 1)), 1e-4)  # never a division by zero
    t = jnp.linspace(0.0, 1.0, points)[None, :, None]
    first, second = jnp.sin((1 - t) * angle), jnp.sin(t * angle)
    return (first * start[:, None] + second * end[:, None]) / jnp.sin(angle)


def _unit(z):
    return z / jnp.linalg.norm(z, axis=-1, keepdims=True)
