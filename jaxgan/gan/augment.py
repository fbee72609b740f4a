"""Differentiable augmentation of the images that the discriminator sees, real and generated alike.

Zhao et al. 2020 (arXiv:2006.10738); each function is `(images, key) -> images`. Applied to each
image with a probability p below 1, they do not leak into what is generated: Karras et al. 2020
(arXiv:2006.06676), section 2.2.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxgan.types import Images, PRNGKey, Scalar

SHIFT = 1 / 8  # of the side at most, rounded
CUT = 1 / 2  # of the side


def augment(
    images: Images, key: PRNGKey, policy: tuple[str, ...], probability: Scalar | float
) -> Images:
    """Each image through each of the policy's augmentations, each with this probability."""
    for name, own_key in zip(policy, jax.random.split(key, len(policy)), strict=True):
        draw_key, coin_key = jax.random.split(own_key)
        chosen = jax.random.uniform(coin_key, (len(images), 1, 1, 1)) < probability
        images = jnp.where(chosen, AUGMENTATIONS[name](images, draw_key), images)
    return images


def brightness(images: Images, key: PRNGKey) -> Images:
    """Adds -0.5 to 0.5."""
    return images + _per_image(images, key) - 0.5


def saturation(images: Images, key: PRNGKey) -> Images:
    """Moves channels away from their mean, or to it: 0 to 2 times their distance."""
    grey = jnp.mean(images, axis=3, keepdims=True)
    return (images - grey) * 2 * _per_image(images, key) + grey


def contrast(images: Images, key: PRNGKey) -> Images:
    """Moves values away from the image's mean, or to it: 0.5 to 1.5 times their distance."""
    mean = jnp.mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * (_per_image(images, key) + 0.5) + mean


def translation(images: Images, key: PRNGKey) -> Images:
    """Shifts by up to an eighth of either side, rounded; what comes in from outside is 0."""
    down_key, right_key = jax.random.split(key)
    rows = _shift_matrices(down_key, len(images), images.shape[1])
    columns = _shift_matrices(right_key, len(images), images.shape[2])
    # Products with 0/1 matrices: exact, and their gradient is no scatter, which is slow.
    shifted = jnp.einsum("bij,bjwc->biwc", rows, images, precision="highest")
    return jnp.einsum("bij,bhjc->bhic", columns, shifted, precision="highest")


def cutout(images: Images, key: PRNGKey) -> Images:
    """Sets a square of half the side to 0; its centre is anywhere in the image."""
    row_key, column_key = jax.random.split(key)
    rows = _within_cut(row_key, len(images), images.shape[1])[:, :, None, None]
    columns = _within_cut(column_key, len(images), images.shape[2])[:, None, :, None]
    return jnp.where(rows & columns, 0.0, images)


def mirror(images: Images, key: PRNGKey) -> Images:
    """Turns left and right about, every other time."""
    return jnp.where(_per_image(images, key) < 0.5, images[:, :, ::-1], images)


def _per_image(images: Images, key: PRNGKey) -> Float[Array, "batch 1 1 1"]:
    return jax.random.uniform(key, (len(images), 1, 1, 1))


def _shift_matrices(key: PRNGKey, count: int, side: int) -> Float[Array, "batch side side"]:
    most = _part(side, SHIFT)
    shift = jax.random.randint(key, (count, 1, 1), -most, most + 1)
    places = jnp.arange(side)
    return (places[None, :, None] - places[None, None, :] == shift).astype(jnp.float32)


def _within_cut(key: PRNGKey, count: int, side: int) -> Bool[Array, "batch side"]:
    extent = _part(side, CUT)
    start = jax.random.randint(key, (count, 1), 0, side + 1 - extent % 2) - extent // 2
    offset = jnp.arange(side)[None] - start
    return (offset >= 0) & (offset < extent)


def _part(side: int, of: float) -> int:
    """So much of a side in pixels, halves up."""
    return int(side * of + 0.5)


AUGMENTATIONS: dict[str, Callable[[Images, PRNGKey], Images]] = {
    "brightness": brightness,
    "saturation": saturation,
    "contrast": contrast,
    "translation": translation,
    "cutout": cutout,
    "mirror": mirror,
}
