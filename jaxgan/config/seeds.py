"""A config of several seeds, and the config of each single run that it stands for."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxgan.config.schema import Config


def expand_seeds(config: Config) -> Config:
    """Returns the config with a count of seeds replaced by the tuple of these seeds."""
    seeds = config.seeds
    if isinstance(seeds, int):
        seeds = tuple(range(config.seed, config.seed + seeds))
    # For a single run `seeds_at_once` has no meaning; at its default it cannot hinder a resume.
    if not seeds:
        return dataclasses.replace(without_seeds(config), seed=config.seed)
    # `seed` has no effect then. It takes one fixed value, so that equal lists are equal configs.
    return dataclasses.replace(config, seed=seeds[0], seeds=seeds)


def seeds_of(config: Config) -> tuple[int, ...]:
    """Returns the seeds that a config trains; () for a single run."""
    seeds = expand_seeds(config).seeds
    return seeds if isinstance(seeds, tuple) else ()


def config_of_seed(config: Config, seed: int) -> Config:
    """Returns the config that would train one of the seeds as a single run."""
    return dataclasses.replace(without_seeds(config), seed=seed)


def without_seeds(config: Config) -> Config:
    """Returns the config with every setting about seeds at its default."""
    train = dataclasses.replace(config.train, seeds_at_once=0)
    return dataclasses.replace(config, seed=0, seeds=0, train=train)


def adds_seeds(name: str, recorded: Mapping[str, Any], config: Config) -> bool:
    """Returns whether a setting differs from a folder's only because seeds were added.

    Args:
      name: the setting that differs.
      recorded: the folder's settings by dotted name.
      config: the config that is to be trained in the folder.
    """
    if not recorded["seeds"] or not config.seeds:
        return False
    if name == "seed":
        return True
    return name == "seeds" and set(recorded["seeds"]) <= set(seeds_of(config))
