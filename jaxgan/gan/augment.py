"""Differentiable augmentation of the discriminator's images, real and generated.

Each function is `(images, key) -> images`: Zhao et al. 2020 (arXiv:2006.10738). Augmentations that
are applied with a probability below 1 do not leak into the generated images: Karras et al. 2020
(arXiv:2006.06676), section 2.2.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxgan.config import choices
from jaxgan.config.errors import UserError
from jaxgan.config.own_parts import load_part
from jaxgan.types import Images, PRNGKey, Scalar

Augmentation = Callable[[Images, PRNGKey], Images]
MAX_SHIFT = 1 / 8  # as a fraction of the side
CUTOUT_SIDE = 1 / 2  # as a fraction of the side


def augment(
    images: Images, key: PRNGKey, policy: tuple[str, ...], probability: Scalar | float
) -> Images:
    """Applies each of the policy's augmentations to each image with this probability."""
    for name, policy_key in zip(policy, jax.random.split(key, len(policy)), strict=True):
        draw_key, coin_key = jax.random.split(policy_key)
        chosen = jax.random.uniform(coin_key, (len(images), 1, 1, 1)) < probability
        augmented = find_augmentation(name)(images, draw_key)
        # One of the user's own can have another shape, which would be broadcast without a word.
        if augmented.shape != images.shape:
            raise UserError(
                f"config.augment.policy: {name!r} returns shape {augmented.shape} for images of "
                f"shape {images.shape}; must be the same"
            )
        images = jnp.where(chosen, augmented, images)
    return images


def find_augmentation(name: str) -> Augmentation:
    """Returns one in AUGMENTATIONS, or one of the user's own by its import path."""
    return AUGMENTATIONS[name] if name in AUGMENTATIONS else load_part("augmentation", name)


def brightness(images: Images, key: PRNGKey) -> Images:
    """Adds a number between -0.5 and 0.5 to each image."""
    return images + _per_image(images, key) - 0.5


def saturation(images: Images, key: PRNGKey) -> Images:
    """Multiplies the distance of the channels from their mean by 0 to 2."""
    grey = jnp.mean(images, axis=3, keepdims=True)
    return (images - grey) * 2 * _per_image(images, key) + grey


def contrast(images: Images, key: PRNGKey) -> Images:
    """Multiplies the distance of the values from the image's mean by 0.5 to 1.5."""
    mean = jnp.mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * (_per_image(images, key) + 0.5) + mean


def translation(images: Images, key: PRNGKey) -> Images:
    """Shifts by up to an eighth of each side, rounded; new pixels are 0."""
    down_key, right_key = jax.random.split(key)
    rows = _shift_matrices(down_key, len(images), images.shape[1])
    columns = _shift_matrices(right_key, len(images), images.shape[2])
    # Products with 0/1 matrices are exact, and their gradient is not a scatter, which is slow.
    shifted = jnp.einsum("bij,bjwc->biwc", rows, images, precision="highest")
    return jnp.einsum("bij,bhjc->bhic", columns, shifted, precision="highest")


def cutout(images: Images, key: PRNGKey) -> Images:
    """Sets a square of half the side to 0; its centre is uniform in the image."""
    row_key, column_key = jax.random.split(key)
    rows = _within_cut(row_key, len(images), images.shape[1])[:, :, None, None]
    columns = _within_cut(column_key, len(images), images.shape[2])[:, None, :, None]
    return jnp.where(rows & columns, 0.0, images)


def mirror(images: Images, key: PRNGKey) -> Images:
    """Flips each image horizontally with probability 0.5."""
    return jnp.where(_per_image(images, key) < 0.5, images[:, :, ::-1], images)


def _per_image(images: Images, key: PRNGKey) -> Float[Array, "batch 1 1 1"]:
    return jax.random.uniform(key, (len(images), 1, 1, 1))


def _shift_matrices(key: PRNGKey, count: int, side: int) -> Float[Array, "batch side side"]:
    """Returns matrices that shift one axis of an image, by another amount for each image."""
    limit = _round_half_up(side * MAX_SHIFT)
    shift = jax.random.randint(key, (count, 1, 1), -limit, limit + 1)
    index = jnp.arange(side)
    return (index[None, :, None] - index[None, None, :] == shift).astype(jnp.float32)


def _within_cut(key: PRNGKey, count: int, side: int) -> Bool[Array, "batch side"]:
    """Returns which pixels of one axis are cut out, for each image."""
    extent = _round_half_up(side * CUTOUT_SIDE)
    start = jax.random.randint(key, (count, 1), 0, side + 1 - extent % 2) - extent // 2
    offset = jnp.arange(side)[None] - start
    return (offset >= 0) & (offset < extent)


def _round_half_up(value: float) -> int:
    return int(value + 0.5)


AUGMENTATIONS: dict[str, Augmentation] = {
    "brightness": brightness,
    "saturation": saturation,
    "contrast": contrast,
    "translation": translation,
    "cutout": cutout,
    "mirror": mirror,
}
choices.check_names(AUGMENTATIONS, choices.AUGMENTATIONS)
