"""Multi-layer perceptrons: the two networks of the classic GAN (Goodfellow et al. 2014)."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.types import Images, Latents, Logits

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

    @nn.compact
    def __call__(self, x):
        init = uniform_fan_in(x.shape[-1])
        return nn.Dense(self.width, kernel_init=init, bias_init=init, name="dense")(x)


class Generator(nn.Module):
    """z to images in (-1, 1) through LeakyReLU layers and a tanh; points have no tanh."""

    widths: tuple[int, ...]
    image_shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Latents, train: bool) -> Images:
        del train
        h = z
        for width in self.widths:
            h = nn.leaky_relu(Linear(width)(h), NEGATIVE_SLOPE)
        h = Linear(math.prod(self.image_shape))(h)
        if len(self.image_shape) == 3:
            h = nn.tanh(h)
        return h.reshape(len(z), *self.image_shape)


class Discriminator(nn.Module):
    """Images to one logit each, through LeakyReLU layers."""

    widths: tuple[int, ...]

    @nn.compact
    def __call__(self, images: Images, train: bool) -> Logits:
        del train
        h = images.reshape(len(images), -1)
        for width in self.widths:
            h = nn.leaky_relu(Linear(width)(h), NEGATIVE_SLOPE)
        return Linear(1)(h).squeeze(-1)
