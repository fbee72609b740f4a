"""A data set, a config and a run small enough for a test."""

import dataclasses
import gzip
import struct
from pathlib import Path

import numpy as np

from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, DataConfig, EmaConfig, SaveConfig, TrainConfig

EXAMPLES, SIDE = 100, 6
# One for all runs that keep an average, so that their programs are compiled once.
EMA = EmaConfig(half_life=40)


def write_idx(path: Path, array: np.ndarray) -> None:
    """Writes an array of bytes as a gzipped IDX file."""
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}i", *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0))


def write_data(folder: Path, seed: int = 0, side: int = SIDE) -> Path:
    """Writes a training set and a test set of random images as IDX files; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(seed)
    for stem in ("train", "t10k"):
        images = random.randint(0, 256, (EXAMPLES, side, side))
        write_idx(folder / f"{stem}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{stem}-labels-idx1-ubyte.gz", random.randint(0, 10, EXAMPLES))
    return folder


def config(folder: Path, **train) -> Config:
    """Returns a config of 12 steps per epoch, 8 images in each, with a row every 4 steps."""
    defaults = {"epochs": 2, "batch_size": 8, "logs_per_epoch": 3, "max_skipped": 5}
    return dataclasses.replace(
        Config(),
        data=DataConfig(name="tiny", source="idx", dir=str(folder)),
        network=NetworkConfig(latent_size=5, gen_widths=(7,), disc_widths=(6,)),
        train=TrainConfig(**defaults | train),
        save=SaveConfig(every=1),
    )


def flat_features(pixels: np.ndarray) -> np.ndarray:
    """Returns the first eight values of each image as its features."""
    return pixels.reshape(len(pixels), -1)[:, :8] / 255.0


def replaced(program, call):
    """A jitted function that is compiled as before and does something else when it is called."""

    def run(*args):
        return call(*args)

    for name in ("lower", "trace", "eval_shape"):
        setattr(run, name, getattr(program, name))
    return run
