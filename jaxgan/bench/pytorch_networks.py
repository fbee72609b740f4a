"""The networks that are timed, in PyTorch: the same layers and the same number of weights.

This module needs PyTorch, which jaxgan itself does not. Images are NCHW here.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from jaxgan.config.network import R3GAN_EXPANSION, NetworkConfig, disc_norm
from jaxgan.networks.build import default_cardinality
from jaxgan.networks.resolution import resolution_for

SLOPE = 0.2  # of the LeakyReLU below 0
WINDOW = (4, 2, 1)  # kernel, stride and padding of DCGAN's convolutions


def build_networks(config: NetworkConfig, image_shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Returns generator and discriminator: latents to images, and images to (n, 1) logits.

    Args:
      image_shape: (height, width, channels).
    """
    return NETWORKS[config.name](config, image_shape)


def mlps(config: NetworkConfig, image_shape: tuple[int, ...]) -> tuple[Any, Any]:
    size, (height, width, channels) = math.prod(image_shape), image_shape
    gen = _dense((config.latent_size, *config.gen_widths, size))
    disc = _dense((size, *config.disc_widths, 1))
    images = nn.Unflatten(1, (channels, height, width))
    return nn.Sequential(*gen, nn.Tanh(), images), nn.Sequential(nn.Flatten(), *disc)


def _dense(sizes: tuple[int, ...]) -> list[Any]:
    layers: list[Any] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.LeakyReLU(SLOPE)]
    return layers[:-1]


def dcgans(config: NetworkConfig, image_shape: tuple[int, ...]) -> tuple[Any, Any]:
    return _dcgan_gen(config, image_shape, ()), _dcgan_disc(config, image_shape, ())


def infogans(config: NetworkConfig, image_shape: tuple[int, ...]) -> tuple[Any, Any]:
    gen = _dcgan_gen(config, image_shape, config.gen_widths)
    return gen, _dcgan_disc(config, image_shape, config.disc_widths)


def _dcgan_gen(config: NetworkConfig, image_shape: tuple[int, ...], dense: tuple[int, ...]) -> Any:
    shape = resolution_for(config.name, image_shape)
    width = config.gen_channels * 2 ** (shape.doublings - 1)
    layers: list[Any] = []
    sizes = (config.latent_size, *dense)
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out, bias=False), nn.BatchNorm1d(fan_out), nn.ReLU()]
    layers += [nn.Linear(sizes[-1], shape.base**2 * width, bias=False)]
    layers += [nn.Unflatten(1, (width, shape.base, shape.base)), nn.BatchNorm2d(width), nn.ReLU()]
    for _ in range(shape.doublings - 1):
        layers += [nn.ConvTranspose2d(width, width // 2, *WINDOW, bias=False)]
        width //= 2
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
    layers += [nn.ConvTranspose2d(width, shape.image_channels, *WINDOW), nn.Tanh()]
    return nn.Sequential(*layers)


def _dcgan_disc(config: NetworkConfig, image_shape: tuple[int, ...], dense: tuple[int, ...]) -> Any:
    shape, batch_norm = resolution_for(config.name, image_shape), disc_norm(config) == "batch"
    widths = [shape.image_channels]
    widths += [config.disc_channels * 2**layer for layer in range(shape.doublings)]
    layers: list[Any] = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        normed = batch_norm and layer > 0
        layers += [nn.Conv2d(fan_in, fan_out, *WINDOW, bias=not normed)]
        layers += [nn.BatchNorm2d(fan_out)] if normed else []
        layers += [nn.LeakyReLU(SLOPE)]
    layers += [nn.Flatten()]
    sizes = (shape.base**2 * widths[-1], *dense)
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out, bias=not batch_norm)]
        layers += [nn.BatchNorm1d(fan_out)] if batch_norm else []
        layers += [nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 1))


def r3gans(config: NetworkConfig, image_shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Returns the networks of R3GAN, with equally many channels at each resolution."""
    shape = resolution_for(config.name, image_shape)
    stages, depth = shape.doublings + 1, (shape.doublings + 1) * config.blocks

    def body(channels: int, resampling: Callable[[int], Any]) -> list[Any]:
        layers: list[Any] = [Block(channels) for _ in range(depth)]
        for stage in reversed(range(1, stages)):
            layers.insert(stage * config.blocks, resampling(channels))
        return layers

    gen = [nn.Linear(config.latent_size, config.gen_channels, bias=False)]
    gen += [SpreadOnBasis(config.gen_channels, shape.base), *body(config.gen_channels, Upsample)]
    gen += [nn.Conv2d(config.gen_channels, shape.image_channels, 1, bias=False)]
    disc = [nn.Conv2d(shape.image_channels, config.disc_channels, 1, bias=False)]
    disc += [*body(config.disc_channels, Downsample), SumOnBasis(config.disc_channels, shape.base)]
    disc += [nn.Linear(config.disc_channels, 1, bias=False)]
    return nn.Sequential(*gen), nn.Sequential(*disc)


class Block(nn.Module):
    """A residual block of three convolutions, widest in the middle."""

    def __init__(self, channels: int):
        super().__init__()
        width, (groups,) = channels * R3GAN_EXPANSION, default_cardinality((channels,))
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, width, 3, padding=1, groups=groups),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, channels, 1, bias=False),
        )

    def forward(self, x: Any) -> Any:
        return x + self.layers(x)


class SpreadOnBasis(nn.Module):
    """Maps a factor for each channel to maps, by a basis map for each channel."""

    def __init__(self, channels: int, side: int):
        super().__init__()
        self.basis = nn.Parameter(torch.randn(1, channels, side, side))

    def forward(self, x: Any) -> Any:
        return self.basis * x[:, :, None, None]


class SumOnBasis(SpreadOnBasis):
    """Maps each channel's map to its sum over all positions, weighted by the basis."""

    def forward(self, x: Any) -> Any:
        return (x * self.basis).sum((2, 3))


class Upsample(nn.Module):
    """Doubles height and width by bilinear interpolation, with zeros beyond the edge."""

    scale = 4.0

    def __init__(self, channels: int):
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / self.scale
        kernel = (taps[:, None] * taps).expand(channels, 1, 4, 4)
        self.channels = channels
        self.register_buffer("kernel", kernel.contiguous())

    def forward(self, x: Any) -> Any:
        resample = nn.functional.conv_transpose2d
        return resample(x, self.kernel, stride=2, padding=1, groups=self.channels)


class Downsample(Upsample):
    """Halves height and width by bilinear interpolation, with zeros beyond the edge."""

    scale = 8.0

    def forward(self, x: Any) -> Any:
        return nn.functional.conv2d(x, self.kernel, stride=2, padding=1, groups=self.channels)


NETWORKS: dict[str, Callable[[NetworkConfig, tuple[int, ...]], tuple[Any, Any]]] = {
    "mlp": mlps,
    "dcgan": dcgans,
    "infogan": infogans,
    "r3gan": r3gans,
}
