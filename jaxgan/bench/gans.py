"""The GANs that are timed, as configs: those whose mathematics PyTorch and the floor compute too.

None has a moving average, a schedule or augmentations.
"""

import dataclasses
from pathlib import Path

from jaxgan.config.files import load_config
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import (
    AdamConfig,
    Config,
    OptimizerConfig,
    PenaltyConfig,
)


def classic() -> Config:
    """Returns the GAN of configs/mnist.py."""
    return Config()


def dcgan() -> Config:
    """Returns the networks of configs/dcgan.py, in batches of 64."""
    return dataclasses.replace(Config(), network=NetworkConfig(name="dcgan"))


def infogan_r1r2() -> Config:
    """Returns networks, loss, penalties and optimizers of configs/mnist_best.py."""
    best = load_config(Path("mnist_best"), [])
    return dataclasses.replace(
        Config(),
        network=best.network,
        loss=best.loss,
        penalty=best.penalty,
        optimizer=best.optimizer,
    )


def r3gan() -> Config:
    """Returns an R3GAN of one block of 32 channels at each of three resolutions."""
    adam = AdamConfig(b1=0.0, b2=0.99)
    return dataclasses.replace(
        Config(),
        network=NetworkConfig(name="r3gan", gen_channels=32, disc_channels=32, blocks=1),
        loss="relativistic",
        penalty=PenaltyConfig(r1=1.0, r2=1.0),
        optimizer=OptimizerConfig(gen=adam, disc=adam),
    )


GANS = {"classic": classic, "dcgan": dcgan, "infogan_r1r2": infogan_r1r2, "r3gan": r3gan}
