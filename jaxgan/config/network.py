"""The settings of the networks: the family, its size and its precision."""

import dataclasses

from jaxgan.config.choices import NETWORKS
from jaxgan.config.errors import UserError
from jaxgan.config.fields import WIDTHS, at_least, one_of, setting

# r3gan's blocks double the channels and then divide them into groups of 16.
R3GAN_MULTIPLE = 8


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Both networks. A setting that the family does not have must keep its default."""

    name: str = setting("mlp", "family of both networks", one_of(*NETWORKS))
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
    return config.disc_norm or NETWORKS[config.name].disc_norms[0]


def check_network(config: NetworkConfig) -> None:
    """
    Raises:
      UserError: the family does not have a setting that was changed, or not with this value.
    """
    family, default = NETWORKS[config.name], NetworkConfig()
    all_names = {name for network in NETWORKS.values() for name in network.settings}
    # Sorted, so that of two mistakes always the same one is named.
    for name in sorted(all_names - set(family.settings)):
        value, known = getattr(config, name), ", ".join(family.settings)
        # A default is let through, since every config has all the settings of all families.
        if value != getattr(default, name):
            reason = f"{config.name} has no such setting; it has {known}"
            raise UserError(f"config.network.{name} = {value!r}: {reason}")
    if (norm := disc_norm(config)) not in family.disc_norms:
        reason = f"{config.name} has one of {', '.join(family.disc_norms)}"
        raise UserError(f"config.network.disc_norm = {norm!r}: {reason}")
    for name in ("gen_channels", "disc_channels") if config.name == "r3gan" else ():
        if (width := getattr(config, name)) % R3GAN_MULTIPLE:
            reason = f"r3gan has grouped convolutions; must be a multiple of {R3GAN_MULTIPLE}"
            raise UserError(f"config.network.{name} = {width}: {reason}")
