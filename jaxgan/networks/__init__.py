"""Networks by name: from the config and the images' shape to the two Linen modules.

A generator is called as `gen(z, train)` and returns images in [-1, 1], or points; a
discriminator as `disc(images, train)` and returns one logit per image.
"""

from collections.abc import Callable

from flax import linen as nn

from jaxgan.config import NetworkConfig
from jaxgan.networks import mlp

ImageShape = tuple[int, ...]  # (height, width, channels) of images, (dims,) of points


def mlp_pair(
    config: NetworkConfig, image_shape: ImageShape, classes: int
) -> tuple[nn.Module, nn.Module]:
    del classes
    gen = mlp.Generator(config.gen_widths, image_shape)
    return gen, mlp.Discriminator(config.disc_widths)


NETWORKS: dict[str, Callable[[NetworkConfig, ImageShape, int], tuple[nn.Module, nn.Module]]] = {
    "mlp": mlp_pair,
}
