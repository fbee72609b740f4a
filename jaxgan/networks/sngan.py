"""The residual networks of SNGAN (Miyato et al. 2018, appendix B.4), of one width throughout."""

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.networks.conv import Maps, Outputs
from jaxgan.networks.layers import BatchNorm, Conv, Dense, Projection, maybe_remat, require_labels
from jaxgan.networks.resolution import Resolution
from jaxgan.types import Images, Labels, Latents, Logits

GLOROT = nn.initializers.glorot_uniform()
# Glorot's times sqrt(2), as in the authors' code for the convolutions beside a ReLU.
RESIDUAL = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")
DISC_BASE = 8  # D downsamples until the side is about this
PLAIN_BLOCKS = 2  # residual blocks of D without downsampling
THREE, ONE = (3, 3), (1, 1)


class Generator(nn.Module):
    """Maps z to images in (-1, 1) by residual blocks, each of which doubles height and width.

    With classes, batch norm takes gain and bias from the labels.
    """

    resolution: Resolution
    channels: int
    classes: int = 0
    remat: bool = False

    @nn.compact
    def __call__(self, z: Latents, train: bool, labels: Labels | None = None) -> Images:
        require_labels(labels, self.classes)
        base = self.resolution.base
        h = Dense(base * base * self.channels, GLOROT)(z, train)
        h = h.reshape(z.shape[0], base, base, self.channels)
        block = maybe_remat(UpBlock, self.remat)
        for index in range(self.resolution.doublings):
            # Named, because `nn.remat` would change the names, and with them parameters and bits.
            h = block(self.classes, name=f"UpBlock_{index}")(h, train, labels)
        h = nn.relu(BatchNorm()(h, train))
        return nn.tanh(Conv(self.resolution.image_channels, THREE, GLOROT)(h, train))


class UpBlock(nn.Module):
    """A residual block that doubles height and width and keeps the channels."""

    classes: int

    @nn.compact
    def __call__(self, x: Maps, train: bool, labels: Labels | None) -> Outputs:
        width = x.shape[-1]
        h = upsample2x_nearest(nn.relu(BatchNorm(self.classes)(x, train, labels)))
        h = Conv(width, THREE, RESIDUAL)(h, train)
        h = nn.relu(BatchNorm(self.classes)(h, train, labels))
        h = Conv(width, THREE, RESIDUAL)(h, train)
        # A 1x1 convolution commutes with upsampling, and is cheaper before it.
        return h + upsample2x_nearest(Conv(width, ONE, GLOROT)(x, train))


class Discriminator(nn.Module):
    """Maps images to one logit each, from the sum of the last feature maps over all positions.

    Attributes:
      spectral: divides every kernel by its spectral norm.
    """

    channels: int
    spectral: bool = True
    classes: int = 0
    remat: bool = False

    @nn.compact
    def __call__(self, images: Images, train: bool, labels: Labels | None = None) -> Logits:
        h, index = images, 0
        down, plain = (maybe_remat(block, self.remat) for block in (DownBlock, PlainBlock))
        # Less 2, so that 28 pixels end at 7 as 32 end at 8.
        while not index or h.shape[1] >= 2 * DISC_BASE - 2:
            name = f"DownBlock_{index}"
            h = down(self.channels, self.spectral, index == 0, name=name)(h, train)
            index += 1
        for index in range(PLAIN_BLOCKS):
            h = plain(self.spectral, name=f"PlainBlock_{index}")(h, train)
        features = jnp.sum(nn.relu(h), axis=(1, 2))
        return Projection(GLOROT, self.classes, self.spectral)(features, train, labels)


class DownBlock(nn.Module):
    """A residual block that halves height and width.

    Attributes:
      first: the input is images, so it has no ReLU before them.
    """

    channels: int
    spectral: bool
    first: bool

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Outputs:
        h = x if self.first else nn.relu(x)
        h = Conv(self.channels, THREE, RESIDUAL, spectral=self.spectral)(h, train)
        h = Conv(self.channels, THREE, RESIDUAL, spectral=self.spectral)(nn.relu(h), train)
        project = Conv(self.channels, ONE, GLOROT, spectral=self.spectral)
        # A 1x1 convolution commutes with downsampling, and is cheaper after it.
        return downsample2x_mean(h) + project(downsample2x_mean(x), train)


class PlainBlock(nn.Module):
    """A residual block that keeps height, width and channels."""

    spectral: bool

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Outputs:
        width = x.shape[-1]
        h = Conv(width, THREE, RESIDUAL, spectral=self.spectral)(nn.relu(x), train)
        return x + Conv(width, THREE, RESIDUAL, spectral=self.spectral)(nn.relu(h), train)


def upsample2x_nearest(x: Maps) -> Outputs:
    """Doubles height and width by repeating each pixel (nearest neighbour)."""
    batch, height, width, channels = x.shape

    wide = jnp.broadcast_to(x[:, :, None, :, None], (batch, height, 2, width, 2, channels))
    return wide.reshape(batch, 2 * height, 2 * width, channels)


def downsample2x_mean(x: Maps) -> Outputs:
    """Halves height and width by the mean of two by two pixels."""
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).mean((2, 4))
