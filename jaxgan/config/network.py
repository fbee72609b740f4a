"""The settings of the networks: which family, and of which size."""

import dataclasses

from jaxgan.config.errors import UserError
from jaxgan.config.fields import WIDTHS, at_least, one_of, setting

NETWORK_SETTINGS = {  # what each family has besides what all have
    "mlp": ("gen_widths", "disc_widths"),
    "dcgan": ("gen_channels", "disc_channels", "disc_norm"),
    "sngan": ("gen_channels", "disc_channels", "disc_norm", "remat"),
    "r3gan": ("gen_channels", "disc_channels", "blocks", "remat"),
    "infogan": ("gen_widths", "disc_widths", "gen_channels", "disc_channels", "disc_norm"),
}
DISC_NORMS = {  # their own first
    "dcgan": ("batch", "none", "spectral"),
    "sngan": ("spectral", "none"),
    "infogan": ("batch", "none", "spectral"),
}
R3GAN_MULTIPLE = 8  # of it must be the channels, which its blocks double and divide into groups


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    name: str = setting("mlp", "family of both networks", one_of(*NETWORK_SETTINGS))
    latent_size: int = setting(100, "length of z", at_least(1))
    conditional: bool = setting(False, "whether both networks are given the labels")
    gen_widths: tuple[int, ...] = setting((256, 512), "generator's hidden dense layers", WIDTHS)
    disc_widths: tuple[int, ...] = setting(
        (512, 256), "discriminator's hidden dense layers", WIDTHS
    )
    gen_channels: int = setting(
        64,
        "of sngan's and r3gan's layers; dcgan's and infogan's last, doubled in those before",
        at_least(1),
    )
    disc_channels: int = setting(
        64,
        "of sngan's and r3gan's layers; dcgan's and infogan's first, doubled in those after",
        at_least(1),
    )
    disc_norm: str = setting(
        "",
        "discriminator's normalisation; '' for the paper's",
        one_of("", "none", "batch", "spectral"),
    )
    blocks: int = setting(2, "r3gan's residual blocks at each height and width", at_least(1))
    precision: str = setting(
        "float32",
        "of activations and products; parameters, statistics and losses stay in float32",
        one_of("float32", "bfloat16"),
    )
    matmul_precision: str = setting(
        "default",
        "of products in float32; below highest, GPU and TPU may round what goes into them",
        one_of("default", "high", "highest"),
    )
    remat: bool = setting(
        False, "whether gradients of sngan's and r3gan's blocks compute them again, for less memory"
    )


def disc_norm(config: NetworkConfig) -> str:
    """The discriminator's normalisation; none in the families that have no choice."""
    return config.disc_norm or DISC_NORMS.get(config.name, ("none",))[0]


def check_network(config: NetworkConfig) -> None:
    """
    Raises:
      UserError: a setting was given that the family does not have, or not with this value.
    """
    known, default = NETWORK_SETTINGS[config.name], NetworkConfig()
    every = {name for names in NETWORK_SETTINGS.values() for name in names}
    for name in sorted(every - set(known)):
        if getattr(config, name) != getattr(default, name):
            raise UserError(
                f"config.network.{name} = {getattr(config, name)!r}: {config.name} has no such "
                f"setting; it has {', '.join(known)}"
            )
    if (norm := disc_norm(config)) not in (norms := DISC_NORMS.get(config.name, (norm,))):
        raise UserError(
            f"config.network.disc_norm = {norm!r}: {config.name} has one of {', '.join(norms)}"
        )
    for name in ("gen_channels", "disc_channels") if config.name == "r3gan" else ():
        if (width := getattr(config, name)) % R3GAN_MULTIPLE:
            raise UserError(
                f"config.network.{name} = {width}: r3gan's convolutions are in groups; must be a "
                f"multiple of {R3GAN_MULTIPLE}"
            )
