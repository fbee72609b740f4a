"""Multi-layer perceptrons: the two networks of the classic GAN (Goodfellow et al. 2014)."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.networks.layers import require_labels
from jaxgan.types import Images, Labels, Latents, Logits, PRNGKey

NEGATIVE_SLOPE = 0.2  # slope of the LeakyReLU below 0, as in Radford et al. 2016


def uniform_fan_in(fan_in: int) -> Callable:
    """Returns a U(-1/sqrt(fan_in), 1/sqrt(fan_in)) initializer, as PyTorch's Linear has it."""
    bound = fan_in**-0.5

    def init(key: PRNGKey, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


class Linear(nn.Module):
    """Computes x @ kernel + bias, both initialized by `uniform_fan_in`."""

    width: int
    bias: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "batch in"]) -> Float[Array, "batch out"]:
        init = uniform_fan_in(x.shape[-1])
        dense = nn.Dense(self.width, self.bias, kernel_init=init, bias_init=init, name="dense")
        return dense(x)


class Generator(nn.Module):
    """Maps z to images in (-1, 1) through LeakyReLU layers and a tanh; points have no tanh.

    With classes, the label is appended to z as a one-hot vector (Mirza and Osindero 2014).
    """

    widths: tuple[int, ...]
    image_shape: tuple[int, ...]
    classes: int = 0

    @nn.compact
    def __call__(self, z: Latents, train: bool, labels: Labels | None = None) -> Images:
        del train
        require_labels(labels, self.classes)
        h = z
        if self.classes:
            h = jnp.concatenate([z, jax.nn.one_hot(labels, self.classes, dtype=z.dtype)], axis=-1)
        for width in self.widths:
            h = nn.leaky_relu(Linear(width)(h), NEGATIVE_SLOPE)
        h = Linear(math.prod(self.image_shape))(h)
        # Pixels are in [-1, 1]; points have no bounds.
        if len(self.image_shape) == 3:
            h = nn.tanh(h)
        return h.reshape(z.shape[0], *self.image_shape)


class Discriminator(nn.Module):
    """Maps images to one logit each, through LeakyReLU layers.

    With classes, the projection of the last layer on an embedding of the label is added (Miyato and
    Koyama 2018).
    """

    widths: tuple[int, ...]
    classes: int = 0

    @nn.compact
    def __call__(self, images: Images, train: bool, labels: Labels | None = None) -> Logits:
        del train
        require_labels(labels, self.classes)
        h = images.reshape(len(images), -1)
        for width in self.widths:
            h = nn.leaky_relu(Linear(width)(h), NEGATIVE_SLOPE)
        logits = Linear(1)(h).squeeze(-1)
        if not self.classes:
            return logits
        one_hot = jax.nn.one_hot(labels, self.classes, dtype=h.dtype)
        return logits + jnp.sum(h * Linear(h.shape[-1], False, name="embed")(one_hot), axis=-1)
