"""The data of the shipped configs, without loading any."""

from typing import NamedTuple

from jaxgan.data import DATASETS

OWN_IMAGES = "images"  # config.data.name of configs for a folder of the user's
OWN_EXAMPLES = 20_000


class DataFacts(NamedTuple):
    shape: tuple[int, ...]
    classes: int
    examples: int  # of the training split


def data_of(config):
    if config.data.name == OWN_IMAGES:
        return DataFacts((config.data.size, config.data.size, 3), 0, OWN_EXAMPLES)
    spec = DATASETS[config.data.name]
    return DataFacts(spec.shape, spec.classes, spec.examples["train"])
