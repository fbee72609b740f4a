"""Multi-layer perceptrons: the two networks of the classic GAN (Goodfellow et al. 2014)."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.networks.layers import require_labels
from jaxgan.types import Images, Labels, Latents, Logits

NEGATIVE_SLOPE = 0.2  # of the LeakyReLU, as in Radford et al. 2016


def uniform_fan_in(fan_in: int) -> Callable:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)): what PyTorch's Linear gives weights and biases."""
    bound = fan_in**-0.5

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


class Linear(nn.Module):
    """x @ kernel + bias, both drawn by `uniform_fan_in`."""

    width: int
    bias: bool = True

    @nn.compact
    def __call__(self, x):
        init = uniform_fan_in(x.shape[-1])
        dense = nn.Dense(self.width, self.bias, kernel_init=init, bias_init=init, name="dense")
        return dense(x)


class Generator(nn.Module):
    """z to images in (-1, 1) through LeakyReLU layers and a tanh; points have no tanh.

    With classes, the label as a unit vector is appended to z (Mirza and Osindero 2014).
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
        if len(self.image_shape) == 3:
            h = nn.tanh(h)
        return h.reshape(len(z), *self.image_shape)


class Discriminator(nn.Module):
    """Images to one logit each, through LeakyReLU layers.

    With classes, plus the last layer's projection on the label's (Miyato and Koyama 2018).
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
