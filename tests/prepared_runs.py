"""Four short runs, each with another diagnosis: healthy, collapsed, D has won, memorising.

    python -m tests.prepared_runs FOLDER [NAME ...]

trains them, or those that are named, in FOLDER/NAME. They have the digits of the packaged MNIST.
"""

import dataclasses
import sys
from pathlib import Path

from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import (
    AdamConfig,
    Config,
    DataConfig,
    EvaluateConfig,
    OptimizerConfig,
    SaveConfig,
    TrainConfig,
)
from jaxgan.data import load_data
from jaxgan.training.loop import train
from tests.tiny import write_idx

HUNDRED = 100
MNIST = DataConfig(name="mnist", source="packaged")
HUNDRED_IMAGES = DataConfig(name="hundred", source="idx")


def train_prepared(name: str, folder: Path) -> Path:
    """Trains one of PREPARED in `folder/name`; returns the run directory."""
    config = PREPARED[name]
    if config.data != MNIST:
        data = _write_hundred(folder / "hundred_images")
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, dir=str(data)))
    train(config, folder / name)
    return folder / name


def _write_hundred(folder: Path) -> Path:
    """Writes the first hundred training images of MNIST, and test images, as IDX files."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, stem, count in (("train", "train", HUNDRED), ("test", "t10k", 500)):
        images = load_data(MNIST, split)
        write_idx(folder / f"{stem}-images-idx3-ubyte.gz", images.pixels[:count, ..., 0])
        write_idx(folder / f"{stem}-labels-idx1-ubyte.gz", images.labels[:count])
    return folder


def _config(
    gen: float, disc: float, images: int, data: DataConfig = MNIST, conditional: bool = False
) -> Config:
    """Returns the config of a small GAN with these learning rates, scored four times."""
    widths = {"gen_widths": (256,), "disc_widths": (256,), "latent_size": 32}
    return Config(
        data=data,
        network=NetworkConfig(**widths, conditional=conditional),
        optimizer=OptimizerConfig(AdamConfig(gen, b1=0.5), AdamConfig(disc, b1=0.5)),
        train=TrainConfig(images=images, interval_images=images // 4, logs_per_epoch=5),
        evaluate=EvaluateConfig(every=1, num_samples=300, features="mnist"),
        save=SaveConfig(every=4),
    )


PREPARED = {
    # Labels are what keeps a small GAN from leaving out classes within a minute.
    "healthy": _config(1e-3, 1e-3, 200_000, conditional=True),
    # G runs ahead of D, to the one kind of image that D likes best.
    "collapsed": _config(2e-2, 1e-4, 24_000),
    # G hardly moves.
    "d_has_won": _config(1e-7, 1e-3, 24_000),
    "memorising": _config(1e-3, 1e-3, 200_000, HUNDRED_IMAGES, conditional=True),
}


if __name__ == "__main__":
    for chosen in sys.argv[2:] or PREPARED:
        train_prepared(chosen, Path(sys.argv[1]))
