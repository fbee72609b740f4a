"""Latents, and images generated from them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from jaxgan.gan.state import Gan
from jaxgan.types import (
    Images,
    Labels,
    Latents,
    Params,
    Pixels,
    PRNGKey,
    Stream,
    stream_key,
    to_pixels,
)

BLOCK = 256  # images generated at a time: bounds the memory of activations
SAMPLE_BLOCK = 64  # the same for pictures of samples, of which most show as many


def sample_latents(gan: Gan, count: int, key: PRNGKey) -> Latents:
    """Draws latents from the standard normal prior."""
    return jax.random.normal(key, (count, gan.latent_size))


def latents_of_seed(gan: Gan, count: int, seed: int, truncation: float = 0.0) -> Latents:
    """Returns the latents that `sample --seed` uses; they are the same for every run and step.

    Args:
      truncation: threshold of `truncate_latents`; 0 for none.
    """
    # Not from a run's own key, so that two runs can be compared on the same latents.
    root = jax.random.key(seed)
    z = sample_latents(gan, count, stream_key(root, Stream.SAMPLE, 0))
    if not truncation:
        return z
    return truncate_latents(z, truncation, stream_key(root, Stream.SAMPLE, 1))


def truncate_latents(z: Latents, threshold: float, key: PRNGKey) -> Latents:
    """Draws the values of normal latents that are beyond a threshold again, until none is.

    The truncation trick (Brock et al. 2019, arXiv:1809.11096, section 3.1): lower thresholds give
    images of higher quality and less variety. Values within the threshold stay as they are.

    Args:
      threshold: positive; in standard deviations.
      key: another one than that of the latents.
    """
    # The inverse of the distribution function, which has the same distribution as draws that are
    # repeated until they are within the threshold.
    redrawn = jax.random.truncated_normal(key, -threshold, threshold, z.shape)
    return jnp.where(jnp.abs(z) <= threshold, z, redrawn)


def update_latents(gan: Gan, count: int, key: PRNGKey) -> Latents:
    """Draws the latents of one update of either player; `key` is that of the update."""
    return sample_latents(gan, count, jax.random.fold_in(key, Stream.LATENTS))


def cycled_labels(gan: Gan, count: int) -> Labels | None:
    """Returns the classes in turn, or None if the GAN is not class-conditional.

    A class without a training image, which no network can have learnt, is left out.
    """
    if not gan.classes:
        return None
    turn = jnp.arange(count, dtype=jnp.int32)
    if all(gan.class_counts):
        return turn % gan.classes
    present = np.flatnonzero(gan.class_counts).astype(np.int32)
    return jnp.asarray(present)[turn % len(present)]


def proportional_labels(gan: Gan, count: int) -> Labels | None:
    """Returns labels with the frequencies of the training data, for scores.

    Each class has its exact share of `count`, rounded up or down, and the order is mixed. None if
    the GAN is not class-conditional; the classes in turn if the frequencies are not known.
    """
    if not gan.classes or not gan.class_counts:
        return cycled_labels(gan, count)
    bounds = np.cumsum(gan.class_counts)
    labels = np.searchsorted(bounds, (np.arange(count) + 0.5) / count * bounds[-1], side="right")
    # Some metrics score parts of a set. RandomState is the generator that numpy has frozen.
    return jnp.asarray(np.random.RandomState(0).permutation(labels), jnp.int32)


@functools.partial(jax.jit, static_argnums=0)
def generate(
    gan: Gan, params: Params, stats: Params, z: Latents, labels: Labels | None = None
) -> Images:
    """Returns G(z) as at test time, with stored statistics if the network has any."""
    return gan.gen.apply({"params": params, **stats}, z, False, labels if gan.classes else None)


def sample_pixels(
    gan: Gan, params: Params, stats: Params, count: int, key: PRNGKey, labels: Labels | None = None
) -> Pixels:
    """Generates `count` images as uint8 pixels, or points as floats.

    The first images of a larger count are those of a smaller one, to the bit.

    Args:
      params, stats: of the generator, as `inference_variables` returns them.
      labels: (count,), the class of each image; None cycles through all classes. Ignored if the GAN
        is not class-conditional.
    """
    z = sample_latents(gan, -(-count // SAMPLE_BLOCK) * SAMPLE_BLOCK, key)
    return generate_pixels(gan, params, stats, z, labels)[:count]


def generate_pixels(
    gan: Gan,
    params: Params,
    stats: Params,
    z: Latents,
    labels: Int[Array, " labels"] | None = None,
) -> Pixels:
    """Generates the images of given latents as uint8 pixels, or points as floats.

    The pixels of an image do not depend on the number of latents, to the bit.

    Args:
      params, stats: of the generator, as `inference_variables` returns them.
      labels: of the images, repeated if they are fewer; None cycles through all classes. Ignored if
        the GAN is not class-conditional.
    """
    count = len(z)
    labels = cycled_labels(gan, count) if labels is None else labels
    # One program for every count: a product over another number of rows rounds differently.
    total = -(-count // SAMPLE_BLOCK) * SAMPLE_BLOCK
    z = jnp.resize(z, (total, gan.latent_size))
    labels = None if labels is None else jnp.resize(labels, (total,))
    pixels = []
    for start in range(0, total, SAMPLE_BLOCK):
        rows = slice(start, start + SAMPLE_BLOCK)
        block_labels = None if labels is None else labels[rows]
        pixels.append(_generate_pixels(gan, params, stats, z[rows], block_labels))
    return jnp.concatenate(pixels)[:count]


@functools.partial(jax.jit, static_argnums=0)
def _generate_pixels(
    gan: Gan, params: Params, stats: Params, z: Latents, labels: Labels | None
) -> Pixels:
    return to_pixels(generate(gan, params, stats, z, labels))


def generate_finite(
    gan: Gan, params: Params, stats: Params, count: int, key: PRNGKey
) -> tuple[np.ndarray, int]:
    """Generates `count` images with `proportional_labels`, and checks them.

    Returns:
      The images as uint8 pixels, or points as floats; and the number of images with values that
      are not finite.
    """
    size = min(count, BLOCK)
    blocks, bad = [], 0
    total = -(-count // size) * size
    labels = proportional_labels(gan, count)
    labels = None if labels is None else jnp.resize(labels, (total,))
    inputs = (sample_latents(gan, total, key), labels)
    for start in range(0, count, size):
        block = jax.tree.map(lambda array, start=start: array[start : start + size], inputs)
        images = generate(gan, params, stats, *block)[: count - start]
        bad += int(jnp.sum(~jnp.isfinite(images).reshape(len(images), -1).all(axis=1)))
        blocks.append(np.asarray(to_pixels(images)))
    return np.concatenate(blocks), bad
