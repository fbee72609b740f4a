"""The settings of the networks: the family, its size and its precision."""

import dataclasses
import itertools
import math

from jaxgan.config.choices import NETWORKS, network_spec
from jaxgan.config.errors import UserError
from jaxgan.config.fields import WIDTHS, at_least, choice_of, one_of, setting

R3GAN_EXPANSION = 2  # width in the middle of a block of r3gan, divided by its input width
R3GAN_GROUP = 16  # channels per group of its 3x3 convolutions, as published for CIFAR-10 and FFHQ


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Both networks. A setting that the family does not have must keep its default."""

    name: str = setting("mlp", "family of both networks", choice_of(*NETWORKS))
    latent_size: int = setting(100, "length of the latent vector z", at_least(1))
    conditional: bool = setting(False, "whether both networks are given the labels")
    gen_widths: tuple[int, ...] = setting((256, 512), "widths of G's hidden dense layers", WIDTHS)
    disc_widths: tuple[int, ...] = setting((512, 256), "widths of D's hidden dense layers", WIDTHS)
    gen_channels: int = setting(
        64,
        "channels of the generator: in every layer (sngan, r3gan), or in the last hidden one, with "
        "twice as many in each layer before it (dcgan, infogan)",
        at_least(1),
    )
    disc_channels: int = setting(
        64,
        "channels of the discriminator: in every layer (sngan, r3gan), or in the first one, with "
        "twice as many in each layer after it (dcgan, infogan)",
        at_least(1),
    )
    disc_norm: str = setting(
        "", "normalisation in D; '': that of its paper", one_of("", "none", "batch", "spectral")
    )
    stage_channels: tuple[int, ...] = setting(
        (),
        "channels of both networks at each resolution, from the lowest to the highest, instead of "
        "gen_channels and disc_channels (r3gan)",
        WIDTHS,
    )
    cardinality: tuple[int, ...] = setting(
        (),
        "groups of the 3x3 convolutions at each resolution, from the lowest to the highest "
        f"(r3gan); (): groups of {R3GAN_GROUP} channels",
        WIDTHS,
    )
    blocks: int = setting(2, "residual blocks at each resolution (r3gan)", at_least(1))
    precision: str = setting(
        "float32",
        "type of activations and matrix products; parameters, statistics and losses are always "
        "float32",
        one_of("float32", "bfloat16"),
    )
    matmul_precision: str = setting(
        "default",
        "JAX's precision of float32 matrix products; below highest, a GPU or TPU may round their "
        "inputs",
        one_of("default", "high", "highest"),
    )
    remat: bool = setting(
        False,
        "whether the backward pass recomputes the blocks of sngan and r3gan, which saves memory "
        "and takes time",
    )


def disc_norm(config: NetworkConfig) -> str:
    """Returns the discriminator's normalisation: as set, or else the default of the family."""
    return config.disc_norm or network_spec(config.name).disc_norms[0]


def check_network(config: NetworkConfig) -> None:
    """Raises UserError if the family does not have a changed setting, or not with this value."""
    family, default = network_spec(config.name), NetworkConfig()
    all_names = {name for network in NETWORKS.values() for name in network.settings}
    # Sorted, so that of two mistakes always the same one is named.
    for name in sorted(all_names - set(family.settings)):
        value, known = getattr(config, name), ", ".join(family.settings)
        # A default is let through, since every config has all the settings of all families.
        if value != getattr(default, name):
            reason = f"{config.name} has no such setting; it has {known}; leave this one "
            reason += f"at its default, {getattr(default, name)!r}"
            raise UserError(f"config.network.{name} = {value!r}: {reason}")
    if (norm := disc_norm(config)) not in family.disc_norms:
        reason = f"{config.name} has one of {', '.join(family.disc_norms)}"
        raise UserError(f"config.network.disc_norm = {norm!r}: {reason}")
    if config.name == "r3gan":
        _check_r3gan(config)


def _check_r3gan(config: NetworkConfig) -> None:
    default = NetworkConfig()
    for name in ("gen_channels", "disc_channels"):
        if config.stage_channels and (width := getattr(config, name)) != getattr(default, name):
            reason = "network.stage_channels gives the channels; leave one of the two out"
            raise UserError(f"config.network.{name} = {width}: {reason}")
    if config.cardinality and len(config.cardinality) != len(config.stage_channels):
        reason = (
            f"must be as long as network.stage_channels, which has {len(config.stage_channels)}"
        )
        raise UserError(f"config.network.cardinality = {config.cardinality}: {reason}")
    given = {f"stage_channels[{i}]": width for i, width in enumerate(config.stage_channels)}
    names = given or {name: getattr(config, name) for name in ("gen_channels", "disc_channels")}
    for (name, width), groups in itertools.zip_longest(names.items(), config.cardinality):
        middle = width * R3GAN_EXPANSION
        if middle % (groups or R3GAN_GROUP):
            parts = f"{groups} groups" if groups else f"groups of {R3GAN_GROUP} channels"
            multiple = (groups or R3GAN_GROUP) // math.gcd(groups or R3GAN_GROUP, R3GAN_EXPANSION)
            reason = f"r3gan has grouped convolutions, {parts}; must be a multiple of {multiple}"
            raise UserError(f"config.network.{name} = {width}: {reason}")
