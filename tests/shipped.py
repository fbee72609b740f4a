"""The data of the shipped configs, without loading any."""

from typing import NamedTuple

from jaxgan.data import DATASETS
from jaxgan.data.datasets import OWN_IMAGES

FOR_A_GPU = ("cifar10", "images")  # configs whose networks are too large for a test
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
