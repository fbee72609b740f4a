"""Loads one split of a data set from the first source that has it."""

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import (
    gaussian_mixtures,
    idx_files,
    image_folder,
    stacked_mnist,
    tfds_download,
    tfds_prepared,
)
from jaxgan.data.datasets import DATASETS
from jaxgan.data.examples import (
    DataNotFound,
    Examples,
    canonical_order,
    check_examples,
    check_sha256,
    examples_sha256,
)
from jaxgan.data.lazy_array import Array


@dataclasses.dataclass(frozen=True)
class Dataset:
    """One split in canonical order: the same arrays for every source.

    Attributes:
      name: config.data.name.
      split: "train" or "test", or a split of the user's own.
      pixels: uint8 (n, height, width, channels) for images, float32 (n, dims) for points;
        C-contiguous. With config.data.stream, files on disk are read only when indexed.
      labels: int32 (n,), in 0..classes-1; all -1 if the set has no labels.
      classes: number of classes; 0 if the set has no labels.
      source: a description of where it was read.
      sha256: SHA-256 of the shape, the pixels and the labels.
    """

    name: str
    split: str
    pixels: Array
    labels: np.ndarray
    classes: int
    source: str
    sha256: str

    @property
    def kind(self) -> str:
        """The word for the examples: "points" or "images"."""
        return "points" if self.pixels.ndim == 2 else "images"


def load_data(config: DataConfig, split: str = "train") -> Dataset:
    """Loads the split of the data set that the config names; never other data.

    With config.source = "auto" a source that does not have the set is passed over, but one that
    has a damaged copy is an error.

    Raises:
      UserError: no source has the set, or it is damaged, or its content is not that of the set.
    """
    spec = DATASETS.get(config.name)
    if spec and split not in spec.examples:
        raise UserError(f"split {split!r}: {config.name} has {', '.join(spec.examples)}")
    examples = SYNTHETIC.get(config.name, _first_source)(config, split)
    if spec:
        check_examples(examples, config.name, spec, split)
    ordered = canonical_order(examples)
    # Of the ordered examples, so that every source of a set has the same one.
    sha256 = examples_sha256(ordered)
    if spec:
        check_sha256(sha256, examples.source, config.name, split)
    return Dataset(config.name, split, *ordered, sha256)


def _first_source(config: DataConfig, split: str) -> Examples:
    """Reads the examples from the first source that has them."""
    tried = []
    for source in SOURCES if config.source == "auto" else (config.source,):
        try:
            return (SOURCES | EXPLICIT_SOURCES)[source](config, split)
        except DataNotFound as reason:
            tried.append(f"{source}: {reason}")
        except OSError as error:
            raise UserError(
                f"{error.filename}: {error.strerror}; make it readable, or set config.data.dir to "
                "another folder"
            ) from error
    raise UserError(
        f"config.data.name = {config.name!r}: no source has it. Tried {'; '.join(tried)}. "
        + _fix_hint(config)
    )


def _stacked(config: DataConfig, split: str) -> Examples:
    """Makes Stacked MNIST from the digits of the same split of MNIST."""
    # Every digit is drawn many times over, so they are read at once, also for a streamed run.
    digits = load_data(dataclasses.replace(config, name="mnist", stream=0), split)
    assert isinstance(digits.pixels, np.ndarray)
    examples = Examples(digits.pixels, digits.labels, digits.classes, digits.source)
    return stacked_mnist.stack_digits(examples, DATASETS[config.name].examples[split], split)


def _fix_hint(config: DataConfig) -> str:
    if config.name not in DATASETS:
        return "Point config.data.dir at a folder that holds it."
    where = "Put its IDX files into a folder and set config.data.dir to it"
    other = "" if config.source == "auto" else ", or set config.data.source=auto"
    return f"{where}{other}, or run once with network access and config.data.source=download."


# "auto" tries them in this order: the user's own folders, then the package, and last the network.
SOURCES = {
    "idx": idx_files.load_idx_folder,
    "prepared": tfds_prepared.load_prepared,
    "packaged": idx_files.load_packaged,
    "download": tfds_download.load_download,
}
# "auto" does not try it: any folder with some pictures would pass for the set that was asked for.
EXPLICIT_SOURCES = {"folder": image_folder.load_image_folder}
SYNTHETIC: dict[str, Callable[[DataConfig, str], Examples]] = {
    **dict.fromkeys(gaussian_mixtures.MIXTURES, gaussian_mixtures.draw_points),
    "stacked_mnist": _stacked,
}
