"""The parts of a run that are a user's own code: loss, penalties, network, augmentations, data."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

from jaxgan.config.errors import UserError
from jaxgan.config.import_paths import check_defined, is_import_path, load_attribute, source_sha256
from jaxgan.config.schema import Config

# The setting that names each kind, and the arguments of its function; a loss is no function.
SETTINGS = {
    "data": "data.name",
    "network": "network.name",
    "loss": "loss",
    "penalty": "penalty.own",
    "augmentation": "augment.policy",
}
ARGUMENTS: dict[str, tuple[str, ...] | None] = {
    "data": ("config", "split"),
    "network": ("config", "image_shape", "classes"),
    "loss": None,
    "penalty": ("critic", "real", "fake", "key"),
    "augmentation": ("images", "key"),
}


class OwnPart(NamedTuple):
    """A part of a kind in `SETTINGS`, and its import path."""

    kind: str
    path: str


def own_parts(config: Config) -> Iterator[OwnPart]:
    """Yields each part of a config that is the user's own."""
    named = {
        "data": (config.data.name,),
        "network": (config.network.name,),
        "loss": (config.loss,),
        "penalty": tuple(path for path, _ in config.penalty.own),
        "augmentation": config.augment.policy,
    }
    for kind, names in named.items():
        yield from (OwnPart(kind, name) for name in names if is_import_path(name))


def check_own_parts(config: Config) -> None:
    """Checks that own parts exist and take the right arguments, without running their code.

    Raises:
      UserError: one does not.
    """
    for kind, path in own_parts(config):
        check_defined(_what(kind, path), path, ARGUMENTS[kind])


def source_digests(config: Config) -> dict[str, str]:
    """Returns the SHA-256 of the source file of each own part, "" of one that is not there."""
    return {f"{kind} {path}": source_sha256(path) for kind, path in own_parts(config)}


def for_sampling(config: Config) -> Config:
    """Returns the config without the parts of the user's own that only training needs."""
    if is_import_path(config.loss):
        config = dataclasses.replace(config, loss=Config.loss)
    penalty = dataclasses.replace(config.penalty, own=())
    policy = tuple(name for name in config.augment.policy if not is_import_path(name))
    augment = dataclasses.replace(config.augment, policy=policy)
    return dataclasses.replace(config, penalty=penalty, augment=augment)


def import_own_parts(config: Config) -> None:
    """Imports every own part, so that one that fails does so before anything is written.

    Raises:
      UserError: as `load_part`.
    """
    for kind, path in own_parts(config):
        load_part(kind, path)


def load_part(kind: str, path: str) -> Any:
    """Imports an own part.

    Raises:
      UserError: it cannot be imported, or is no function where it must be one.
    """
    part = load_attribute(_what(kind, path), path)
    if ARGUMENTS[kind] and not callable(part):
        raise UserError(f"{_what(kind, path)}: {type(part).__name__} is not callable")
    return part


def _what(kind: str, path: str) -> str:
    return f"config.{SETTINGS[kind]} = {path!r}"
