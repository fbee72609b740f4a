"""Loads one split of a data set from the first source that has it."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.import_paths import is_import_path
from jaxgan.config.schema import DataConfig
from jaxgan.data import (
    gaussian_mixtures,
    held_out,
    idx_files,
    image_folder,
    own_data,
    stacked_mnist,
    tfds_download,
    tfds_prepared,
)
from jaxgan.data.datasets import DATASETS, files_of
from jaxgan.data.examples import (
    DataNotFound,
    Examples,
    SplitMissing,
    canonical_order,
    check_examples,
    check_sha256,
    examples_sha256,
)
from jaxgan.data.image_pixels import COLOURS
from jaxgan.data.lazy_array import Array
from jaxgan.data.recognise import recognise, with_found_name

logger = logging.getLogger(__name__)
NAMED_CLASSES = 10  # with more, the log says only how many there are


@dataclasses.dataclass(frozen=True)
class Dataset:
    """One split in canonical order: the same arrays for every source.

    Attributes:
      name: config.data.name, or the name of the folder that was found in its place.
      split: "train" or "test", or a split of the user's own.
      pixels: uint8 (n, height, width, channels) for images, float32 (n, dims) for points;
        C-contiguous. With config.data.stream, files on disk are read only when indexed.
      labels: int32 (n,), in 0..classes-1; all -1 if the set has no labels.
      classes: number of classes; 0 if the set has no labels.
      source: a description of where it was read.
      sha256: SHA-256 of the shape, the pixels and the labels.
      class_names: the names of the classes; () if they are only numbers.
      processing: what was done to the pixels of image files.
    """

    name: str
    split: str
    pixels: Array
    labels: np.ndarray
    classes: int
    source: str
    sha256: str
    class_names: tuple[str, ...] = ()
    processing: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """The number of examples of each class; () if the set has no labels."""
        if not self.classes:
            return ()
        return tuple(np.bincount(self.labels, minlength=self.classes).tolist())

    @property
    def kind(self) -> str:
        """The word for the examples: "points" or "images"."""
        return "points" if self.pixels.ndim == 2 else "images"


def load_data(config: DataConfig, split: str = "train") -> Dataset:
    """Loads the split of the data set that the config names; never other data.

    If config.dir is set, that folder is read. Without it, and with config.source = "auto", a
    source that does not have the set is passed over, but one that has a damaged copy is an error.

    Raises:
      SplitMissing: the data have no such split.
      UserError: no source has the set, or it is damaged, or its content is not that of the set.
    """
    config = with_found_name(config)
    spec = DATASETS.get(config.name)
    if spec and split not in spec.examples:
        raise SplitMissing(f"split {split!r}: {config.name} has {', '.join(spec.examples)}")
    examples = SYNTHETIC.get(config.name, _read_split)(config, split)
    _check_pixels(config, examples)
    if spec:
        check_examples(examples, config.name, spec, split)
    ordered = canonical_order(examples)
    # Of the ordered examples, so that every source of a set has the same one.
    sha256 = examples_sha256(ordered)
    if spec:
        check_sha256(sha256, examples.source, config.name, split)
    data = Dataset(
        name=config.name,
        split=split,
        pixels=ordered.pixels,
        labels=ordered.labels,
        classes=ordered.classes,
        source=ordered.source,
        sha256=sha256,
        class_names=ordered.class_names,
        processing=ordered.processing,
    )
    logger.info(f"data: {_describe(data)}{f' ({ordered.left_out})' if ordered.left_out else ''}")
    return data


def load_test_split(config: DataConfig, train: Dataset) -> Dataset:
    """Loads the test split, which must have the shape of the training images.

    Image files are grey or in colour as those of training are: whether all of the test images are
    grey does not count.

    Raises:
      UserError: as `load_data`, or the shapes differ.
    """
    if train.processing:
        config = dataclasses.replace(config, channels=train.pixels.shape[-1])
    test = load_data(config, "test")
    shapes = [data.pixels.shape[1:] for data in (test, train)]
    if shapes[0] != shapes[1]:
        found, needed = ("x".join(map(str, shape)) for shape in shapes)
        raise UserError(
            f"{test.source}: holds {test.kind} of {found}, but those of training are {needed}; "
            "must be the same: config.data.size gives image files one size"
        )
    return test


def splits_of(config: DataConfig) -> tuple[str, ...]:
    """Returns ("train", "test"), or ("train",) if no images are held out."""
    held_out = config.held_out or _has_test_split(with_found_name(config))
    return ("train", "test") if held_out else ("train",)


def _has_test_split(config: DataConfig) -> bool:
    """Returns whether the data themselves have images that are not for training."""
    if config.name in DATASETS:
        return True
    if is_import_path(config.name):
        return own_data.has_split(config, "test")
    source = config.source
    if source == "auto":
        # Without a folder, only TFDS can have a set of an unknown name.
        source = recognise(config) if config.dir else "prepared"
    return HAS_SPLIT.get(source, tfds_prepared.has_split)(config, "test")


def _read_split(config: DataConfig, split: str) -> Examples:
    """Reads a split, which config.held_out may cut out of the training images."""
    if not config.held_out or split not in ("train", "test"):
        return _read_source(config, split)
    if not _has_test_split(config):
        return held_out.part_of(_read_source(config, "train"), split, config.held_out)
    logger.info(
        f"config.data.held_out = {config.held_out}: has no effect, since {config.name} has test "
        "images of its own"
    )
    return _read_source(config, split)


def _read_source(config: DataConfig, split: str) -> Examples:
    """Reads the examples from the first source that has them."""
    if is_import_path(config.name):
        return own_data.load_own(config, split)
    if config.source == "packaged" and config.dir:
        raise UserError(
            f"config.data.dir = {config.dir!r}: is not read with config.data.source=packaged; "
            "leave one of them out"
        )
    sources: tuple[str, ...] = (config.source,)
    if config.source == "auto":
        sources = (recognise(config),) if config.dir else tuple(SOURCES)
    tried = []
    for source in sources:
        try:
            return (SOURCES | FOLDER)[source](config, split)
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


def _check_pixels(config: DataConfig, examples: Examples) -> None:
    """Refuses settings that only image files can be given, unless the examples are so already."""
    sides, channels = examples.pixels.shape[1:-1], examples.pixels.shape[-1]
    asked = (config.size, config.size) if isinstance(config.size, int) else config.size
    size = f"{'x'.join(map(str, sides))} pixels" if sides else "points"
    # What each setting is, and what the examples have in its place.
    differ = {
        "size": (config.size and asked != sides, size),
        "channels": (config.channels not in (0, channels), f"{channels} channels"),
    }
    # A function of the user's own reads these settings itself.
    for name in () if is_import_path(config.name) else ("fit", "background"):
        value, found = getattr(config, name), examples.processing.get(name)
        default = getattr(DataConfig, name)
        differ[name] = value not in (default, found), f"{name} {found}" if found else size
    for name, (differs, found) in differ.items():
        if differs:
            raise UserError(
                f"config.data.{name} = {getattr(config, name)!r}: changes image files only, and "
                f"{examples.source} has {found}; set it to {getattr(DataConfig, name)!r}"
                + (", or prepare the pictures again with it" if examples.processing else "")
            )


def _describe(data: Dataset) -> str:
    """Describes a set in one line, for the log."""
    count = f"{len(data.pixels):,} {'test ' if data.split == 'test' else ''}{data.kind}"
    shape = data.pixels.shape[1:]
    classes = f"{data.classes} classes" if data.classes else "no classes"
    if data.class_names and data.classes <= NAMED_CLASSES:
        classes += f" ({', '.join(data.class_names)})"
    if data.kind == "images":
        height, width, channels = shape
        colour = COLOURS.get(channels, f"{channels} channels")
        return f"{count} of {height}x{width}, {colour}, {classes}, from {data.source}"
    return f"{count} in {shape[0]} dimensions, {classes}, from {data.source}"


def _stacked(config: DataConfig, split: str) -> Examples:
    """Makes Stacked MNIST from the digits of the same split of MNIST."""
    # Every digit is drawn many times over, so they are read at once, also for a streamed run.
    plain = dataclasses.replace(config, name="mnist", stream=0, size=0, channels=0)
    digits = load_data(plain, split)
    if digits.name != "mnist":
        raise UserError(
            f"config.data.dir = {config.dir!r}: {config.name} is made of MNIST, which is not "
            "there; leave config.data.dir at ''"
        )
    assert isinstance(digits.pixels, np.ndarray)
    examples = Examples(digits.pixels, digits.labels, digits.classes, digits.source)
    return stacked_mnist.stack_digits(examples, DATASETS[config.name].examples[split], split)


def _fix_hint(config: DataConfig) -> str:
    if config.name not in DATASETS or config.source == "folder":
        return "Point config.data.dir at a folder that holds it."
    where = f"Put its {files_of(config.name)} into a folder and set config.data.dir to it"
    other = "" if config.source == "auto" else ", or set config.data.source=auto"
    return f"{where}{other}, or run once with network access and config.data.source=download."


# Without a folder, "auto" tries them in this order: this computer, the package, the network.
SOURCES = {
    "idx": idx_files.load_idx_folder,
    "prepared": tfds_prepared.load_prepared,
    "packaged": idx_files.load_packaged,
    "download": tfds_download.load_download,
}
FOLDER = {"folder": image_folder.load_image_folder}
HAS_SPLIT = {"idx": idx_files.has_split, "folder": image_folder.has_split}
SYNTHETIC: dict[str, Callable[[DataConfig, str], Examples]] = {
    **dict.fromkeys(gaussian_mixtures.MIXTURES, gaussian_mixtures.draw_points),
    "stacked_mnist": _stacked,
}
