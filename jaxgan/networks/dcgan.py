"""The deep convolutional GAN (Radford et al. 2016): strided convolutions and batch norm.

`widths` adds dense layers at the small end, whose units see the whole image, as in InfoGAN's
networks for MNIST (Chen et al. 2016, arXiv:1606.03657, appendix C.1).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.networks.layers import BatchNorm, Conv, ConvTranspose, Dense, Projection, require_labels
from jaxgan.networks.resolution import Resolution
from jaxgan.types import Images, Labels, Latents, Logits

INIT = nn.initializers.normal(0.02)
# For dense layers, and where no norm sets the scale: the paper's 0.02 would let signals shrink in
# each layer.
HE_INIT = nn.initializers.he_normal()
# The same scale for an embedding: its input is one-hot, so its scale follows from its outputs.
HE_EMBED_INIT = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
KERNEL, STRIDES, PADDING = (4, 4), (2, 2), ((1, 1), (1, 1))
NEGATIVE_SLOPE = 0.2


class Generator(nn.Module):
    """Maps z to images in (-1, 1); each layer doubles the size and halves the channels.

    With classes, batch norm takes gain and bias from the labels.
    """

    resolution: Resolution
    channels: int  # in the last hidden layer
    classes: int = 0
    widths: tuple[int, ...] = ()

    @nn.compact
    def __call__(self, z: Latents, train: bool, labels: Labels | None = None) -> Images:
        require_labels(labels, self.classes)
        doublings, base = self.resolution.doublings, self.resolution.base
        width = self.channels * 2 ** (doublings - 1)
        h = z
        for units in self.widths:
            h = Dense(units, HE_INIT, bias=False)(h, train)
            h = nn.relu(BatchNorm(self.classes)(h, train, labels))
        h = Dense(base * base * width, INIT, bias=False)(h, train)
        h = h.reshape(z.shape[0], base, base, width)
        for _ in range(doublings - 1):
            h = nn.relu(BatchNorm(self.classes)(h, train, labels))
            width //= 2
            h = ConvTranspose(width, KERNEL, INIT, STRIDES, PADDING, bias=False)(h)
        h = nn.relu(BatchNorm(self.classes)(h, train, labels))
        to_images = ConvTranspose(self.resolution.image_channels, KERNEL, INIT, STRIDES, PADDING)
        return nn.tanh(to_images(h))


class Discriminator(nn.Module):
    """Maps images to one logit each; each layer halves the size and doubles the channels.

    Attributes:
      norm: "batch" (after every layer but the first), "spectral" (of every kernel) or "none".
    """

    resolution: Resolution
    channels: int  # in the first layer
    norm: str = "batch"
    classes: int = 0
    widths: tuple[int, ...] = ()

    @nn.compact
    def __call__(self, images: Images, train: bool, labels: Labels | None = None) -> Logits:
        h, spectral = images, self.norm == "spectral"
        init, embed_init = (HE_INIT, HE_EMBED_INIT) if self.norm == "none" else (INIT, INIT)
        for layer in range(self.resolution.doublings):
            # As in the paper, D's first layer sees the images without batch norm. Where there is
            # batch norm, a bias before it would be subtracted again.
            normed = self.norm == "batch" and layer > 0
            window = (KERNEL, init, STRIDES, PADDING)
            conv = Conv(self.channels * 2**layer, *window, bias=not normed, spectral=spectral)
            h = conv(h, train)
            if normed:
                h = BatchNorm()(h, train)
            h = nn.leaky_relu(h, NEGATIVE_SLOPE)
        h = jnp.reshape(h, (len(images), -1))
        for units in self.widths:
            h = Dense(units, HE_INIT, self.norm != "batch", spectral)(h, train)
            if self.norm == "batch":
                h = BatchNorm()(h, train)
            h = nn.leaky_relu(h, NEGATIVE_SLOPE)
        return Projection(init, self.classes, spectral, embed_init)(h, train, labels)
