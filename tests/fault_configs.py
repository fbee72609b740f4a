"""The runs that `tests.faults` disturbs: settings, data and number of processes of each."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests import tiny

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs" / "mnist.py"
TINY_MLP = {"network.gen_widths": (7,), "network.disc_widths": (6,), "network.latent_size": 5}
TINY_CONV = {"network.gen_channels": 2, "network.disc_channels": 2, "network.latent_size": 5}
ON_IMAGES = {
    "data.name": "tiny",
    "data.source": "idx",
    "train.batch_size": 8,
    "train.logs_per_epoch": 3,
    "evaluate.num_samples": 50,
    "evaluate.features": "tests.tiny:flat_features",
}
OFTEN = {"train.epochs": 4, "save.every": 1, "save.keep": 2, "evaluate.every": 1}
CONFIGS: dict[str, dict[str, Any]] = {
    "mlp": ON_IMAGES
    | TINY_MLP
    | OFTEN
    | {
        "train.chunks_per_epoch": 3,
        "ema.half_life": 100,
        "penalty.r1": 0.1,
        "penalty.r2": 0.1,
        "penalty.lecam": 0.01,
        "penalty.consistency": 0.1,
        "schedule.learning_rate": ((0, 1.0), (300, 0.1)),
        "schedule.penalty": ((0, 1.0), (200, 0.5)),
    },
    "adaptive": ON_IMAGES
    | TINY_MLP
    | OFTEN
    | {
        "save.every": 2,
        "packing": 2,
        "train.d_steps": 2,
        "augment.policy": ("translation", "cutout"),
        "augment.target": 0.6,
        "augment.adapt_images": 300,
        "schedule.shape": "cosine",
        "schedule.b1": ((0, 0.0), (200, 0.9)),
    },
    "dcgan": ON_IMAGES
    | TINY_CONV
    | OFTEN
    | {
        "network.name": "dcgan",
        "ema.half_life": 100,
        "augment.policy": ("brightness", "mirror"),
        "schedule.augment": ((0, 0.0), (250, 1.0)),
        "schedule.ema": ((0, 0.1), (250, 1.0)),
        "train.epochs": 3,
        "train.chunks_per_epoch": 2,
        "save.keep": 1,
    },
    "sngan": ON_IMAGES
    | TINY_CONV
    | OFTEN
    | {
        "network.name": "sngan",
        "network.conditional": True,
        "loss": "hinge",
        "train.d_steps": 2,
        "save.every": 2,
        "evaluate.every": 2,
    },
    "ring": TINY_MLP
    | OFTEN
    | {
        "data.name": "ring",
        "train.batch_size": 5000,
        "evaluate.num_samples": 500,
        "network.latent_size": 2,
        "save.samples_every": 2,
    },
    "folder": ON_IMAGES | TINY_MLP | OFTEN | {"data.source": "folder"},
    "stream": ON_IMAGES | TINY_MLP | OFTEN | {"data.source": "folder", "data.stream": 5},
    "processes": ON_IMAGES | TINY_MLP | OFTEN | {"parallel.devices": 0},
}
CONFIGS["seeds"] = CONFIGS["mlp"] | {
    "seeds": 2,
    "train.epochs": 2,
    "schedule.learning_rate": (),
    "schedule.penalty": (),
}
CONFIGS["streaming processes"] = CONFIGS["processes"] | {"data.stream": 5, "parallel.shards": 2}
ALL = list(CONFIGS)
SHORT = "short"  # the config that the tests run by default
CONFIGS[SHORT] = (
    ON_IMAGES | TINY_MLP | OFTEN | {"train.epochs": 3, "save.keep": 1, "evaluate.every": 2}
)
_CONVOLUTIONAL_SIDE = 16  # pixels: the smallest images that the convolutional networks make


def process_count(name: str) -> int:
    """Returns the number of processes that train a run of this config together."""
    return 2 if "processes" in name else 1


def write_data(name: str, folder: Path) -> None:
    """Writes the data set of a config: IDX files, or folders of PNG files; points need none."""
    settings = CONFIGS[name]
    if settings.get("data.source") == "folder":
        _write_images(folder)
    elif settings.get("data.source") == "idx":
        is_mlp = settings.get("network.name", "mlp") == "mlp"
        tiny.write_data(folder, side=tiny.SIDE if is_mlp else _CONVOLUTIONAL_SIDE)


def arguments_of(name: str, data: Path) -> list[str]:
    """Returns the arguments of the training command, all but `--workdir`."""
    settings = CONFIGS[name]
    if "data.source" in settings:
        settings = settings | {"data.dir": data}
    return [
        "--config",
        str(CONFIG),
        *(f"--config.{key}={value}" for key, value in settings.items()),
    ]


def _write_images(folder: Path) -> None:
    random = np.random.RandomState(0)
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        images = random.randint(0, 256, (tiny.EXAMPLES, tiny.SIDE, tiny.SIDE), np.uint8)
        for number, image in enumerate(images):
            Image.fromarray(image).save(folder / split / f"{number:03}.png")
