"""The networks of R3GAN (Huang et al. 2024, arXiv:2501.05441, config E).

They have no normalization. Residual blocks of 1x1, grouped 3x3 and 1x1 convolutions, widest in the
middle, start as the identity (fix-up initialization, Zhang et al. 2019). Height and width change
by bilinear interpolation between the stages, and channels by a 1x1 convolution.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array

from jaxgan.config.network import R3GAN_EXPANSION
from jaxgan.networks.conv import Maps, Outputs
from jaxgan.networks.layers import ZEROS, Conv, Dense, maybe_remat, require_labels
from jaxgan.networks.resolution import Resolution
from jaxgan.types import Images, Labels, Latents, Logits, PRNGKey

NEGATIVE_SLOPE = 0.2
# Keeps the scale through the LeakyReLU, which multiplies mean squares by (1 + slope^2) / 2.
GAIN = math.sqrt(2 / (1 + NEGATIVE_SLOPE**2))
LAYERS = 3  # convolutions per block


def normal(gain: float) -> Callable:
    """Returns a normal initializer with deviation gain / sqrt(fan in); zeros for a gain of 0."""
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal") if gain else ZEROS


class Generator(nn.Module):
    """Maps z to images through stages of residual blocks; the images are not bounded.

    With classes, an embedding of the label is appended to z.

    Attributes:
      channels: the channels of each stage, from the lowest resolution to the highest.
      cardinality: the groups of the 3x3 convolutions of each stage.
      blocks: residual blocks per stage.
    """

    resolution: Resolution
    channels: tuple[int, ...]
    cardinality: tuple[int, ...]
    blocks: int
    classes: int = 0
    remat: bool = False

    @nn.compact
    def __call__(self, z: Latents, train: bool, labels: Labels | None = None) -> Images:
        require_labels(labels, self.classes)
        base = self.resolution.base
        if self.classes:
            one_hot = jax.nn.one_hot(labels, self.classes, dtype=z.dtype)
            embed = Dense(z.shape[-1], normal(1.0), bias=False, name="embed")
            z = jnp.concatenate([z, embed(one_hot, train)], axis=-1)
        gains = Dense(self.channels[0], normal(1.0), bias=False)(z, train)
        basis = self.param("basis", nn.initializers.normal(1.0), (1, base, base, self.channels[0]))
        h = basis * gains[:, None, None]
        block, depth = maybe_remat(Block, self.remat), len(self.channels) * self.blocks
        for stage, (width, groups) in enumerate(zip(self.channels, self.cardinality, strict=True)):
            if stage:
                # Before the interpolation, which gives the same and costs a quarter.
                h = upsample2x_bilinear(_with_channels(width, stage, h, train))
            for index in range(stage * self.blocks, (stage + 1) * self.blocks):
                h = block(depth, groups, name=f"Block_{index}")(h, train)
        return Conv(self.resolution.image_channels, (1, 1), normal(1.0), bias=False)(h, train)


class Discriminator(nn.Module):
    """Maps images to one logit each, through the generator's stages in reverse.

    With classes, the logit is the inner product of features with an embedding of the label. The
    attributes are those of the generator, in the same order.
    """

    resolution: Resolution
    channels: tuple[int, ...]
    cardinality: tuple[int, ...]
    blocks: int
    classes: int = 0
    remat: bool = False

    @nn.compact
    def __call__(self, images: Images, train: bool, labels: Labels | None = None) -> Logits:
        base, channels = self.resolution.base, self.channels[0]
        require_labels(labels, self.classes)
        h = Conv(self.channels[-1], (1, 1), normal(1.0), bias=False)(images, train)
        block, depth = maybe_remat(Block, self.remat), len(self.channels) * self.blocks
        widths, cardinality = self.channels[::-1], self.cardinality[::-1]
        for stage, (width, groups) in enumerate(zip(widths, cardinality, strict=True)):
            if stage:
                h = _with_channels(width, stage, downsample2x_bilinear(h), train)
            for index in range(stage * self.blocks, (stage + 1) * self.blocks):
                h = block(depth, groups, name=f"Block_{index}")(h, train)
        basis = self.param("basis", normal_basis, (1, base, base, channels))
        h = jnp.sum(h * basis, axis=(1, 2))
        if not self.classes:
            return Dense(1, normal(1.0), bias=False)(h, train).squeeze(-1)
        features = Dense(channels, normal(1.0), bias=False)(h, train)
        one_hot = jax.nn.one_hot(labels, self.classes, dtype=h.dtype)
        # The logit is a sum over the channels, which would otherwise grow with their number.
        init = normal(1 / math.sqrt(channels))
        embed = Dense(channels, init, bias=False, name="embed")
        return jnp.sum(features * embed(one_hot, train), axis=-1)


class Block(nn.Module):
    """Computes x + f(x), where f is zero at the start.

    Attributes:
      depth: number of blocks in the network; more blocks give smaller weights (fix-up, rule 2).
      cardinality: groups of the 3x3 convolution.
    """

    depth: int
    cardinality: int

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Outputs:
        width = x.shape[-1] * R3GAN_EXPANSION
        init = normal(GAIN * self.depth ** (-1 / (2 * LAYERS - 2)))
        h = Conv(width, (1, 1), init)(x, train)
        h = nn.leaky_relu(h, NEGATIVE_SLOPE)
        h = Conv(width, (3, 3), init, groups=self.cardinality)(h, train)
        h = nn.leaky_relu(h, NEGATIVE_SLOPE)
        # Zeros make the block the identity at the start, so that depth does not scale the signal.
        return x + Conv(x.shape[-1], (1, 1), ZEROS, bias=False)(h, train)


def _with_channels(width: int, stage: int, x: Maps, train: bool) -> Outputs:
    """Changes the number of channels between two stages by a 1x1 convolution, where they differ."""
    if x.shape[-1] == width:
        return x
    # A name of its own leaves the number in the name of the other convolution as it was.
    return Conv(width, (1, 1), normal(1.0), bias=False, name=f"Transition_{stage}")(x, train)


def normal_basis(key: PRNGKey, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
    """Draws from a normal distribution with deviation 1 / sqrt(height * width).

    Each channel is summed over these positions only.
    """
    return jax.random.normal(key, shape, dtype) / math.sqrt(shape[1] * shape[2])


def upsample2x_bilinear(x: Maps) -> Outputs:
    """Doubles height and width by bilinear interpolation.

    Each pixel becomes two, each 3/4 of it plus 1/4 of its neighbour on that side. Beyond the edge
    are zeros, as in the authors' code.
    """
    for axis in (1, 2):
        padded, shape = _pad_with_zeros(x, axis), list(x.shape)
        before = jax.lax.slice_in_dim(padded, 0, -2, axis=axis)
        after = jax.lax.slice_in_dim(padded, 2, None, axis=axis)
        shape[axis] *= 2
        x = jnp.stack([3 * x + before, 3 * x + after], axis + 1).reshape(shape) / 4
    return x


def downsample2x_bilinear(x: Maps) -> Outputs:
    """Halves height and width by bilinear interpolation.

    Each pair becomes one pixel, weighted 1/8, 3/8, 3/8, 1/8 with the pixels before and after.
    Beyond the edge are zeros.
    """
    for axis in (1, 2):
        padded, side = _pad_with_zeros(x, axis), x.shape[axis]
        pieces = [jax.lax.slice_in_dim(padded, i, i + side - 1, 2, axis) for i in range(4)]
        first, *middle, last = pieces
        x = (first + 3 * sum(middle) + last) / 8
    return x


def _pad_with_zeros(x: Array, axis: int) -> Array:
    """Adds a zero at both ends of an axis."""
    return jnp.pad(x, [(int(i == axis),) * 2 for i in range(x.ndim)])
