"""Data sets: examples and labels in one canonical order, and the order of each epoch.

Examples are uint8 pixels, or float32 points in the plane. This package imports neither JAX nor
TFDS before they are needed, so that a wrong folder is reported at once.
"""

from typing import TYPE_CHECKING, Any

from jaxgan.data.datasets import DATASETS, PROTOCOL_SAMPLES
from jaxgan.data.examples import Examples, SplitMissing
from jaxgan.data.load import Dataset, load_data, load_test_split, splits_of
from jaxgan.data.recognise import with_found_name

if TYPE_CHECKING:
    from jaxgan.data.shuffle import epoch_order, epoch_orders

__all__ = [
    "DATASETS",
    "PROTOCOL_SAMPLES",
    "Dataset",
    "Examples",
    "SplitMissing",
    "epoch_order",
    "epoch_orders",
    "load_data",
    "load_test_split",
    "splits_of",
    "with_found_name",
]


def __getattr__(name: str) -> Any:
    if name in ("epoch_order", "epoch_orders"):
        from jaxgan.data import shuffle

        return getattr(shuffle, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
