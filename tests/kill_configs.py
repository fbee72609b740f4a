"""The settings of the runs that `tests.kills` kills, and of others that are hindered."""

from pathlib import Path
from typing import Any

from tests import tiny

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs" / "mnist.py"
_WIDE = 16  # the smallest side that the convolutional networks make
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
}
CONFIGS["seeds"] = CONFIGS["mlp"] | {
    "seeds": 2,
    "train.epochs": 2,
    "schedule.learning_rate": (),
    "schedule.penalty": (),
}
LONG = list(CONFIGS)
SHORT = "short"  # that the tests run by default
CONFIGS[SHORT] = (
    ON_IMAGES | TINY_MLP | OFTEN | {"train.epochs": 3, "save.keep": 1, "evaluate.every": 2}
)


def arguments_of(name: str, data: Path) -> list[str]:
    settings = CONFIGS[name]
    if settings.get("data.source") == "idx":
        settings = settings | {"data.dir": data}
    return [
        "--config",
        str(CONFIG),
        *(f"--config.{key}={value}" for key, value in settings.items()),
    ]


def side(name: str) -> int:
    return tiny.SIDE if CONFIGS[name].get("network.name", "mlp") == "mlp" else _WIDE
