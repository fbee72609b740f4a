"""Latents, and images from them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxgan.gan.state import Gan
from jaxgan.types import Images, Labels, Latents, Params, PRNGKey, Stream, to_pixels


def generate_finite(
    gan: Gan, params: Params, stats: Params, count: int, key: PRNGKey
) -> tuple[np.ndarray, int]:
    """`count` images as uint8 pixels, or points, any classes in turn, and how many held NaN."""
    size = min(count, BLOCK)
    blocks, bad = [], 0
    total = -(-count // size) * size
    inputs = (sample_latents(gan, total, key), cycled_labels(gan, total))
    for start in range(0, count, size):
        block = (part[start : start + size] for part in inputs if part is not None)
        images = generate(gan, params, stats, *block)[: count - start]
        bad += int(jnp.sum(~jnp.isfinite(images).reshape(len(images), -1).all(axis=1)))
        blocks.append(np.asarray(to_pixels(images)))
    return np.concatenate(blocks), bad


BLOCK = 256  # images generated at a time: bounds the memory of activations


def sample_latents(gan: Gan, count: int, key: PRNGKey) -> Latents:
    """`count` draws from the standard normal prior."""
    return jax.random.normal(key, (count, gan.latent_size))


def cycled_labels(gan: Gan, count: int) -> Labels | None:
    """0, 1, 2, ... and again from 0: as many of each class; None where the GAN has no classes."""
    return jnp.arange(count, dtype=jnp.int32) % gan.classes if gan.classes else None


def update_latents(gan: Gan, count: int, key: PRNGKey) -> Latents:
    """The latents of one update of either player; `key` is the update's."""
    return sample_latents(gan, count, jax.random.fold_in(key, Stream.LATENTS))


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
