"""The settings of a run: each declared once, with default, meaning and check."""

import ast
import dataclasses
import difflib
import math
import typing
from collections.abc import Callable, Iterator
from typing import Any

from ml_collections import ConfigDict


class UserError(ValueError):
    """Something the user can mend. The command line prints it as one line and exits with 2."""


@dataclasses.dataclass(frozen=True)
class Check:
    """What a setting may be: a test of the value, and the words for it."""

    allowed: str
    test: Callable[[Any], bool]


def one_of(*names: str) -> Check:
    return Check(f"one of {', '.join(names)}", lambda value: value in names)


def at_least(low: int) -> Check:
    return Check(f"a whole number of at least {low}", lambda value: value >= low)


ANYTHING = Check("anything", lambda value: True)
NAME = Check("a name", lambda value: bool(value.strip()))
SEED = Check("a whole number from 0 to 4294967295", lambda value: 0 <= value < 2**32)
POSITIVE = Check("a positive number", lambda value: math.isfinite(value) and value > 0)
NOT_NEGATIVE = Check("zero or a positive number", lambda value: math.isfinite(value) and value >= 0)
DECAY = Check("a number from 0 up to, not including, 1", lambda value: 0 <= value < 1)
WIDTHS = Check("a tuple of positive whole numbers", lambda value: all(width > 0 for width in value))


def setting(default: Any, meaning: str, check: Check = ANYTHING, may_change: bool = False) -> Any:
    """A field of the config. One that `may_change` does not alter a run's bits: a run may be
    resumed with another value of it."""
    metadata = {"meaning": meaning, "check": check, "may_change": may_change}
    return dataclasses.field(default=default, metadata=metadata)


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
            _check(name, field, value)


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
    return _build(Config, values, "")


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
    values[last] = text if known[name].type is str else _literal(text)


def walk(config: Any, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field, Any]]:
    """(dotted name, field, value) of every setting, depth first."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from walk(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field, value


def _build(cls: type, values: dict[str, Any], prefix: str) -> Any:
    if not isinstance(values, dict):
        raise UserError(f"config.{prefix}={values!r}: must be a group of settings")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if unknown := sorted(set(values) - set(fields)):
        raise UserError(f"unknown setting config.{prefix}{unknown[0]}; known: {', '.join(fields)}")
    types = typing.get_type_hints(cls)
    built = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(types[name]):
            built[name] = _build(types[name], value, f"{prefix}{name}.")
        else:
            built[name] = tuple(value) if isinstance(value, list) else value
    return cls(**built)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text  # of the wrong type, which the check will say


def _check(name: str, field: dataclasses.Field, value: Any) -> None:
    check = field.metadata["check"]
    if not _is_of_type(value, field.type):
        wanted = getattr(field.type, "__name__", str(field.type))
        if typing.get_origin(field.type) is tuple:
            wanted = "a tuple of whole numbers such as (256, 512)"
        raise UserError(f"config.{name} = {value!r}: must be {wanted}")
    if not check.test(value):
        raise UserError(f"config.{name} = {value!r}: must be {check.allowed}")


def _is_of_type(value: Any, wanted: Any) -> bool:
    if typing.get_origin(wanted) is tuple:
        return isinstance(value, tuple) and all(type(entry) is int for entry in value)
    if wanted is float:
        return type(value) in (int, float)
    return type(value) is wanted
