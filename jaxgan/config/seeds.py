"""Which single runs a config of many seeds stands for."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxgan.config.schema import Config


def expand_seeds(config: Config) -> Config:
    """The config with its seeds named one by one where it asks for a number of them."""
    seeds = config.seeds
    if isinstance(seeds, int):
        seeds = tuple(range(config.seed, config.seed + seeds))
    if not seeds:
        train = dataclasses.replace(config.train, seeds_at_once=0)  # which says nothing of one run
        return dataclasses.replace(config, seeds=0, train=train)
    return dataclasses.replace(config, seed=seeds[0], seeds=seeds)


def seeds_of(config: Config) -> tuple[int, ...]:
    """Of the runs that a config asks for together; () where it asks for a single one."""
    seeds = expand_seeds(config).seeds
    return seeds if isinstance(seeds, tuple) else ()


def config_of_seed(config: Config, seed: int) -> Config:
    """The config of one of the runs: that with which it would be trained alone."""
    return dataclasses.replace(without_seeds(config), seed=seed)


def without_seeds(config: Config) -> Config:
    """What is the same in the configs of all seeds."""
    train = dataclasses.replace(config.train, seeds_at_once=0)
    return dataclasses.replace(config, seed=0, seeds=0, train=train)


def adds_seeds(name: str, recorded: Mapping[str, Any], config: Config) -> bool:
    """Whether a setting differs only because seeds were added to those of a folder.

    `recorded` holds the folder's settings by dotted name.
    """
    if not recorded["seeds"] or not config.seeds:
        return False
    if name == "seed":
        return True
    return name == "seeds" and set(recorded["seeds"]) <= set(seeds_of(config))
