"""Reads folders that TFDS has prepared, without TensorFlow."""

import contextlib
import dataclasses
import io
import itertools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.paths import expand_path
from jaxgan.config.schema import DataConfig
from jaxgan.data.datasets import SPLITS
from jaxgan.data.examples import UNLABELLED, DataNotFound, Examples, SplitMissing
from jaxgan.data.lazy_array import Array, LazyArray

BLOCK_RECORDS = 1024
NAME = re.compile(r"\w+(/[\w.+-]+)?")  # set, or set/config
VERSION = re.compile(r"\d+\.\d+\.\d+")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # PIL's mode for each number of channels
UNFINISHED = ".preparing"  # the folder in which `prepare` works
INFO = "dataset_info.json"
RECORDS = ".array_record"  # in the endings of the files that hold the examples
NOTES = "jaxgan"  # what `prepare` notes in TFDS's metadata.json
DESCRIPTION = "Images prepared by jaxgan, as metadata.json says."  # for TFDS, of such a set


def data_dir(config: DataConfig) -> Path:
    """Returns the folder of prepared data sets: config.data.dir, or else the default of TFDS."""
    default = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return expand_path(config.dir or default)


def load_prepared(config: DataConfig, split: str) -> Examples:
    """Reads the newest version of the set in the data folder.

    Every record is read and decoded now, so that damage is found before training starts. With
    config.data.stream the images are decoded only when they are indexed.

    Raises:
      DataNotFound: the folder holds no prepared version of the set that is readable without
        TensorFlow.
      UserError: the prepared version is damaged, or is not a set of images of one size.
    """
    folder = _described_folder(config)
    with _name_folder_in_errors(folder):
        return _read(folder, config, split)


def check_prepared(config: DataConfig) -> None:
    """Opens every file of a set, and reads its first record.

    Raises:
      DataNotFound, UserError: as `load_prepared`.
    """
    folder = _described_folder(config)
    with _name_folder_in_errors(folder):
        for split in SPLITS:
            if split == "train" or has_split(config, split):
                builder, records = _open(folder, config, split)
                lengths = builder.info.splits[split].shard_lengths
                # A file is opened only when it is read.
                records.source.__getitems__(list(itertools.accumulate([0, *lengths[:-1]])))


def find_prepared(name: str, root: Path) -> Path:
    """Returns the folder of the newest prepared version of a set.

    Raises:
      DataNotFound: there is none. Folders that TFDS has not finished have other names.
    """
    if not NAME.fullmatch(name):
        raise DataNotFound(f"{name!r} is not a name of TFDS")
    home = root / name
    if not home.is_dir():
        raise DataNotFound(f"there is no folder {home}")
    versions = [entry for entry in home.iterdir() if VERSION.fullmatch(entry.name)]
    if not versions:
        raise DataNotFound(f"{home} holds no folder named after a version, such as 3.0.1")
    return max(versions, key=_version)


def prepared_sets(root: Path) -> dict[str, Path]:
    """Returns the newest version of each prepared set in a folder, by the set's name.

    The folder can be one of a version, of a set, or of several sets.
    """
    # Only folders named after a version are looked into, since the others can hold many files.
    version = "[0-9]*.[0-9]*.[0-9]*"
    patterns = (version, f"*/{version}", f"*/*/{version}")
    folders = [root, *(folder for pattern in patterns for folder in root.glob(pattern))]
    found: dict[str, Path] = {}
    for folder in sorted(filter(_is_prepared, folders), key=_version):
        found[_set_name(folder)] = folder
    return found


def read_notes(folder: Path) -> dict[str, Any]:
    """Returns what `prepare` noted about a set of image files; {} for a set of TFDS."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return dict(json.loads((folder / "metadata.json").read_text())[NOTES])
    return {}


def has_split(config: DataConfig, split: str) -> bool:
    """Returns whether a prepared folder says that it has a split; it is not checked."""
    # A damaged description is reported when the set is read.
    with contextlib.suppress(OSError, ValueError, DataNotFound):
        info = json.loads((_folder(config) / INFO).read_text())
        return any(part.get("name") == split for part in info.get("splits", ()))
    return False


def one_line(error: BaseException) -> str:
    """Returns an error's class and the beginning of its text on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def _folder(config: DataConfig) -> Path:
    root = data_dir(config)
    try:
        return find_prepared(config.name, root)
    except DataNotFound:
        sets = prepared_sets(root) if config.dir else {}
        # As of a folder of images, the name of one's own images is free.
        own = len(sets) == 1 and any(map(read_notes, sets.values()))
        if folder := next(iter(sets.values())) if own else sets.get(config.name):
            return folder
        raise


def _described_folder(config: DataConfig) -> Path:
    """Returns the folder of the set, whose description is whole."""
    folder = _folder(config)
    # TFDS trusts every folder that exists, and fails on a half-copied one with errors that name
    # another cause, such as the TFRECORD format.
    missing = [name for name in (INFO, "features.json") if not (folder / name).is_file()]
    if not missing and _is_by_prepare(folder) and not read_notes(folder):
        missing = ["a whole metadata.json"]
    if missing:
        reason = f"is an incomplete TFDS data set ({missing[0]} is missing)"
        raise UserError(f"{folder}: {reason}; {_refetch_hint(folder)}")
    return folder


def _is_by_prepare(folder: Path) -> bool:
    return DESCRIPTION in (folder / INFO).read_text(errors="replace")


def _is_prepared(folder: Path) -> bool:
    return (folder / INFO).is_file()


def _version(folder: Path) -> list[int]:
    """Returns a key for sorting by number: as text, 10.0.0 comes before 9.0.0."""
    return [int(part) for part in folder.name.split(".")] if VERSION.fullmatch(folder.name) else []


def _set_name(folder: Path) -> str:
    """Returns the name that a set was prepared with, or that of the folder above the version."""
    try:
        if name := read_notes(folder).get("name"):
            return str(name)
        info = json.loads((folder / INFO).read_text())
        config = info.get("configName", "")
        return f"{info['name']}/{config}" if config else str(info["name"])
    except (OSError, ValueError, KeyError, AttributeError):
        return folder.parent.name


@contextlib.contextmanager
def _name_folder_in_errors(folder: Path) -> Iterator[None]:
    """Turns every failure of reading the folder into a UserError that names it."""
    try:
        yield
    except (UserError, DataNotFound):
        raise
    # TFDS and its dependencies have no common base class of errors.
    except Exception as error:
        problem, hint = "is a damaged TFDS data set", _refetch_hint(folder)
        if isinstance(error, ImportError):
            problem, hint = f"cannot be read without {error.name}", "install it"
        raise UserError(f"{folder}: {problem} ({one_line(error)}); {hint}") from error


def _refetch_hint(folder: Path) -> str:
    return f"delete {folder}, then copy or prepare it again"


def _read(folder: Path, config: DataConfig, split: str) -> Examples:
    builder, records = _open(folder, config, split)
    pixels, labels = records.read_all(with_pixels=not config.stream)
    class_label = builder.info.features[records.label] if records.label else None
    classes = class_label.num_classes if class_label else 0
    names = tuple(class_label.names) if class_label else ()
    # TFDS calls classes that have no names by their numbers.
    names = () if names == tuple(map(str, range(classes))) else names
    notes = read_notes(folder)
    names = tuple(notes.get("class_names", names))
    if names and len(names) != classes:
        raise ValueError(f"{len(names)} names of {classes} classes")
    processing = notes.get("processing", {}).get(split, {})
    return Examples(pixels, labels, classes, f"prepared TFDS folder {folder}", names, processing)


def _open(folder: Path, config: DataConfig, split: str) -> tuple[Any, "_Records"]:
    """Returns TFDS's builder of the set, and the records of a split."""
    # Imported here because it is slow, and most runs find no prepared folder.
    import tensorflow_datasets as tfds

    _check_feature_classes(folder)
    builder = tfds.builder_from_directory(folder)
    _check_builder(builder, folder, config.name, split)
    image, label = _features(builder.info.features, folder)
    features = tfds.features.FeaturesDict(
        {key: builder.info.features[key] for key in (image, label) if key}
    )
    # Raw records, so that the image and the label are decoded, and no other feature.
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    source = builder.as_data_source(split, deserialize_method=raw)
    # The folder's own description can promise more records than its files hold.
    if len(source) != builder.info.splits[split].num_examples or not len(source):
        raise ValueError(f"{len(source)} records")
    shape = builder.info.features[image].shape
    return builder, _Records(folder, source, features, image, label, shape)


@dataclasses.dataclass(frozen=True)
class _Records:
    """The records of a split, and how to decode one."""

    folder: Path
    source: Any
    features: Any
    image: str
    label: str
    shape: tuple[int, ...]

    def read_all(self, with_pixels: bool) -> tuple[Array, np.ndarray]:
        """Reads the pixels and the labels; the pixels of a streamed set stay on disk."""
        count = len(self.source)
        pixels = np.empty((count if with_pixels else 0, *self.shape), np.uint8)
        labels = np.full(count, UNLABELLED, np.int32)
        # In blocks: 60,000 images take 4 to 6 s so, and 9 s one by one.
        for start in range(0, count, BLOCK_RECORDS):
            block = range(start, min(start + BLOCK_RECORDS, count))
            for i, example in zip(block, self._examples(list(block)), strict=True):
                if with_pixels:
                    pixels[i] = _decode(example[self.image], self.shape)
                if self.label:
                    labels[i] = example[self.label]
        return pixels if with_pixels else LazyArray((count, *self.shape), self.pixels_at), labels

    def pixels_at(self, indices: np.ndarray) -> np.ndarray:
        pixels = np.empty((len(indices), *self.shape), np.uint8)
        with _name_folder_in_errors(self.folder):
            for row, example in zip(pixels, self._examples(indices.tolist()), strict=True):
                row[...] = _decode(example[self.image], self.shape)
        return pixels

    def _examples(self, indices: list[int]) -> Iterator[dict[str, Any]]:
        import tensorflow_datasets as tfds

        # TFDS decodes with OpenCV where that is installed, and with PIL elsewhere. `_decode` always
        # takes PIL, so that every machine gets the same pixels.
        skip = {self.image: tfds.decode.SkipDecoding()}
        for record in self.source.__getitems__(indices):
            yield self.features.deserialize_example_np(record, decoders=skip)


def _check_feature_classes(folder: Path) -> None:
    """Refuses features of classes that are not of TFDS itself: TFDS would import their modules."""
    classes = _class_names(json.loads((folder / "features.json").read_text()))
    if foreign := [name for name in classes if not name.startswith("tensorflow_datasets.core.")]:
        raise UserError(
            f"{folder / 'features.json'}: names the class {foreign[0]!r}, which TFDS would import; "
            "must be a class of tensorflow_datasets.core"
        )


def _class_names(value: Any) -> Iterator[str]:
    """Yields the names of classes at any depth of a features.json."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return
    # "type" is the older format.
    names = ("pythonClassName", "python_class_name", *(("type",) if "content" in value else ()))
    yield from (str(value[name]) for name in names if name in value)
    for part in value.values():
        yield from _class_names(part)


def _check_builder(builder: Any, folder: Path, name: str, split: str) -> None:
    """Checks what a folder holds.

    Raises:
      UserError: the folder holds another data set, or does not have the split.
      DataNotFound: the folder cannot be read without TensorFlow.
    """
    actual = builder.name
    if builder.builder_config and "/" in name:
        actual = f"{actual}/{builder.builder_config.name}"
    if actual != name and not read_notes(folder):
        raise UserError(
            f"config.data.name = {name!r}: {folder} holds {actual!r}; set config.data.dir or "
            "config.data.name to match"
        )
    formats = {form.value for form in builder.info.available_file_formats()}
    if "array_record" not in formats:
        raise DataNotFound(
            f"{folder} is prepared as {', '.join(sorted(formats)) or 'nothing'}, which needs "
            "TensorFlow to read; `tfds build --file_format=array_record` prepares one that does not"
        )
    if split not in builder.info.splits:
        known = ", ".join(builder.info.splits) or "no splits"
        raise SplitMissing(f"split {split!r}: {folder} has {known}; name one of these")


def _features(features: Any, folder: Path) -> tuple[str, str]:
    """Returns the names of the image and of the label feature; "" if there is no label."""
    import tensorflow_datasets as tfds

    described = ", ".join(f"{key} ({type(value).__name__})" for key, value in features.items())
    images = [key for key, value in features.items() if type(value) is tfds.features.Image]
    labels = [key for key, value in features.items() if isinstance(value, tfds.features.ClassLabel)]
    image = images[0] if len(images) == 1 else "image"
    if image not in images:
        raise UserError(
            f"{folder}: has no image among its features {described}; choose a set of images"
        )
    shape, dtype = features[image].shape, features[image].np_dtype
    if None in shape or dtype != np.uint8 or shape[-1] not in MODES:
        raise UserError(
            f"{folder}: {image} has shape {shape} and type {np.dtype(dtype).name} (features: "
            f"{described}); must be uint8 of one fixed size, with 1, 3 or 4 channels"
        )
    label = labels[0] if len(labels) == 1 else "label"
    return image, label if label in labels else ""


def _decode(encoded: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Decodes one image with PIL."""
    import PIL.Image

    with PIL.Image.open(io.BytesIO(encoded)) as image:
        mode = MODES[shape[-1]]
        array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array.reshape(shape)
