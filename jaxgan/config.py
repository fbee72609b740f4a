"""The settings of a run: each declared once, with default, meaning and check."""

import dataclasses
import difflib
from typing import Any

from ml_collections import ConfigDict

from jaxgan.settings import (
    DECAY,
    NAME,
    POSITIVE,
    SEED,
    WIDTHS,
    UserError,
    at_least,
    build,
    check_setting,
    literal,
    one_of,
    setting,
    walk,
)

__all__ = [
    "Config",
    "UserError",
    "default_config",
    "from_mapping",
    "override",
    "to_config_dict",
    "walk",
]


@dataclasses.dataclass(frozen=True)
class DataConfig:
    name: str = setting(
        "mnist", "mnist, fashion_mnist, kmnist, emnist/SPLIT, or any TFDS image set", NAME
    )
    source: str = setting(
        "auto",
        "where the data comes from; auto tries the others in this order",
        one_of("auto", "idx", "prepared", "packaged", "download"),
        may_change=True,  # the array's SHA-256 is compared instead
    )
    dir: str = setting(
        "", "folder with IDX files, or TFDS's data_dir; '' for none", may_change=True
    )


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    name: str = setting("mlp", "family of both networks", one_of("mlp"))
    latent_size: int = setting(100, "length of z", at_least(1))
    gen_widths: tuple[int, ...] = setting((256, 512), "generator's hidden layers", WIDTHS)
    disc_widths: tuple[int, ...] = setting((512, 256), "discriminator's hidden layers", WIDTHS)


@dataclasses.dataclass(frozen=True)
class AdamConfig:
    learning_rate: float = setting(2e-4, "step size", POSITIVE)
    b1: float = setting(0.9, "decay of the first moment", DECAY)
    b2: float = setting(0.999, "decay of the second moment", DECAY)
    eps: float = setting(1e-8, "added to the root of the second moment", POSITIVE)


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    gen: AdamConfig = AdamConfig()
    disc: AdamConfig = AdamConfig()


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    epochs: int = setting(50, "passes over the data", at_least(1), may_change=True)
    batch_size: int = setting(64, "real images per update", at_least(1))
    d_steps: int = setting(1, "discriminator updates per generator update", at_least(1))
    logs_per_epoch: int = setting(10, "rows of metrics.jsonl per epoch", at_least(1))
    chunks_per_epoch: int = setting(
        1, "device calls per epoch; more make Ctrl-C answer sooner", at_least(1), may_change=True
    )
    max_skipped: int = setting(
        20, "non-finite updates in a row after which the run stops", at_least(1), may_change=True
    )


@dataclasses.dataclass(frozen=True)
class EmaConfig:
    half_life: int = setting(
        0, "images after which a weight counts half in the generator's average; 0: off", at_least(0)
    )


@dataclasses.dataclass(frozen=True)
class SaveConfig:
    every: int = setting(5, "epochs between checkpoints", at_least(1), may_change=True)
    keep: int = setting(3, "newest checkpoints kept", at_least(1), may_change=True)
    samples_every: int = setting(
        1, "epochs between sample grids; 0: off", at_least(0), may_change=True
    )


@dataclasses.dataclass(frozen=True)
class Config:
    seed: int = setting(0, "root of every random draw", SEED)
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    loss: str = setting("non_saturating", "objective", one_of("non_saturating", "saturating"))
    optimizer: OptimizerConfig = OptimizerConfig()
    train: TrainConfig = TrainConfig()
    ema: EmaConfig = EmaConfig()
    save: SaveConfig = SaveConfig()

    def __post_init__(self) -> None:
        for name, field, value in walk(self):
            check_setting(name, field, value)


def default_config() -> ConfigDict:
    """Every setting at its default, locked: a name that is not declared here cannot be set."""
    return to_config_dict(Config())


def to_config_dict(config: Config) -> ConfigDict:
    return ConfigDict(dataclasses.asdict(config)).lock()


def from_mapping(values: dict[str, Any]) -> Config:
    """The checked config of nested plain values, as `ConfigDict.to_dict()` or JSON gives them.

    Raises:
      UserError: a value is of the wrong type or not allowed, or a name is unknown.
    """
    return build(Config, values, "")


def override(values: dict[str, Any], name: str, text: str) -> None:
    """Sets `values["a"]["b"]` from the command line's `a.b` and its text, in place.

    The text is read as the type that the setting has; whether the value is allowed is checked
    when the config is built.

    Raises:
      UserError: there is no such setting; the closest names are listed.
    """
    known = {dotted: field for dotted, field, _ in walk(Config())}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3) or known
        raise UserError(f"unknown setting --config.{name}; did you mean: {', '.join(close)}")
    *groups, last = name.split(".")
    for group in groups:
        values = values[group]
    values[last] = text if known[name].type is str else literal(text)
