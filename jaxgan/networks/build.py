"""Builds the two Linen modules that a config names, and the table of all networks."""

from collections.abc import Callable

from flax import linen as nn

from jaxgan.config import choices
from jaxgan.config.errors import UserError
from jaxgan.config.import_paths import is_import_path
from jaxgan.config.network import R3GAN_EXPANSION, R3GAN_GROUP, NetworkConfig, disc_norm
from jaxgan.config.own_parts import load_part
from jaxgan.networks import dcgan, mlp, r3gan, sngan
from jaxgan.networks.resolution import ImageShape, resolution_for

Networks = tuple[nn.Module, nn.Module]


def mlp_pair(config: NetworkConfig, image_shape: ImageShape, classes: int) -> Networks:
    gen = mlp.Generator(config.gen_widths, image_shape, classes)
    return gen, mlp.Discriminator(config.disc_widths, classes)


def dcgan_pair(config: NetworkConfig, image_shape: ImageShape, classes: int) -> Networks:
    sizes = resolution_for(config.name, image_shape)
    gen = dcgan.Generator(sizes, config.gen_channels, classes)
    return gen, dcgan.Discriminator(sizes, config.disc_channels, disc_norm(config), classes)


def infogan_pair(config: NetworkConfig, image_shape: ImageShape, classes: int) -> Networks:
    sizes = resolution_for(config.name, image_shape)
    norm, (gen_widths, disc_widths) = disc_norm(config), (config.gen_widths, config.disc_widths)
    gen = dcgan.Generator(sizes, config.gen_channels, classes, gen_widths)
    return gen, dcgan.Discriminator(sizes, config.disc_channels, norm, classes, disc_widths)


def sngan_pair(config: NetworkConfig, image_shape: ImageShape, classes: int) -> Networks:
    sizes = resolution_for(config.name, image_shape)
    gen = sngan.Generator(sizes, config.gen_channels, classes, config.remat)
    spectral = disc_norm(config) == "spectral"
    return gen, sngan.Discriminator(config.disc_channels, spectral, classes, config.remat)


def r3gan_pair(config: NetworkConfig, image_shape: ImageShape, classes: int) -> Networks:
    sizes = resolution_for(config.name, image_shape)
    stages, given = sizes.doublings + 1, config.stage_channels
    if given and len(given) != stages:
        raise UserError(
            f"config.network.stage_channels = {given}: images of {image_shape[0]}x{image_shape[1]} "
            f"pixels have {stages} stages, so it must have {stages} numbers"
        )
    options = (config.blocks, classes, config.remat)
    gen = given or (config.gen_channels,) * stages
    disc = given or (config.disc_channels,) * stages
    return (
        r3gan.Generator(sizes, gen, config.cardinality or default_cardinality(gen), *options),
        r3gan.Discriminator(sizes, disc, config.cardinality or default_cardinality(disc), *options),
    )


def default_cardinality(channels: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(width * R3GAN_EXPANSION // R3GAN_GROUP for width in channels)


def network_pair(config: NetworkConfig, image_shape: ImageShape, classes: int) -> Networks:
    """Builds generator and discriminator: of a family, or with a function of the user's own.

    Args:
      image_shape: shape of one example.
      classes: number of classes; 0 if the networks take no labels.

    Raises:
      UserError: the networks cannot make such examples, or the user's function fails.
    """
    if not is_import_path(config.name):
        return NETWORKS[config.name](config, image_shape, classes)
    build, what = load_part("network", config.name), f"config.network.name = {config.name!r}"
    try:
        pair = build(config, image_shape, classes)
    except UserError:
        raise
    # The user's function can fail in any way.
    except Exception as error:
        raise UserError(f"{what}: failed: {type(error).__name__}: {error}") from error
    if not (
        isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(x, nn.Module) for x in pair)
    ):
        raise UserError(f"{what}: must return two Linen modules, the generator and D, in a tuple")
    return pair


NETWORKS: dict[str, Callable[[NetworkConfig, ImageShape, int], Networks]] = {
    "mlp": mlp_pair,
    "dcgan": dcgan_pair,
    "sngan": sngan_pair,
    "r3gan": r3gan_pair,
    "infogan": infogan_pair,
}
choices.check_names(NETWORKS, choices.NETWORKS)
