"""Prepared TFDS folders, read without TensorFlow."""

import contextlib
import dataclasses
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data.examples import UNLABELLED, DataNotFound, Examples
from jaxgan.data.lazy_array import Array, LazyArray

BLOCK = 1024  # records read at a time
NAME = re.compile(r"\w+(/[\w.+-]+)?")  # set, or set/config
VERSION = re.compile(r"\d+\.\d+\.\d+")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # PIL's, by the number of channels


def data_dir(config: DataConfig) -> Path:
    """The folder that holds prepared sets: config.data.dir, else TFDS's default."""
    default = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(config.dir or default).expanduser()


def load_prepared(config: DataConfig, split: str) -> Examples:
    """Examples of the newest version of the set in the data folder.

    Every record is read and decoded here, so that damage is found before training starts; with
    config.data.stream the images are decoded when they are taken.

    Raises:
      Absent: the folder holds no prepared version of the set, or needs TensorFlow to read.
      UserError: it holds one that is damaged or that is no set of images of one size.
    """
    folder = find_prepared(config.name, data_dir(config))
    for needed in ("dataset_info.json", "features.json"):
        if not (folder / needed).is_file():
            raise UserError(
                f"{folder}: half a prepared TFDS set ({needed} is missing); {_refetch_hint(folder)}"
            )
    with _readable(folder):
        return _read(folder, config, split)


def find_prepared(name: str, root: Path) -> Path:
    """The folder of the newest prepared version of a set.

    Unfinished folders, which TFDS names otherwise, are not taken.
    """
    if not NAME.fullmatch(name):
        raise DataNotFound(f"{name!r} is no TFDS name")
    home = root / name
    if not home.is_dir():
        raise DataNotFound(f"there is no folder {home}")
    versions = [entry for entry in home.iterdir() if VERSION.fullmatch(entry.name)]
    if not versions:
        raise DataNotFound(f"{home} holds no folder of a version, such as 3.0.1")
    return max(versions, key=lambda entry: [int(part) for part in entry.name.split(".")])


def one_line(error: BaseException) -> str:
    """An error's class and the beginning of its text, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


@contextlib.contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Whatever goes wrong while the folder is read is an error that names it."""
    try:
        yield
    except (UserError, DataNotFound):
        raise
    except ImportError as error:
        raise UserError(
            f"{folder}: cannot be read without {error.name} ({one_line(error)}); install it"
        ) from error
    except Exception as error:  # TFDS and what it calls have no common class of errors
        raise UserError(
            f"{folder}: a damaged TFDS set ({one_line(error)}); {_refetch_hint(folder)}"
        ) from error


def _refetch_hint(folder: Path) -> str:
    return f"delete {folder}, then copy or prepare it again"


def _read(folder: Path, config: DataConfig, split: str) -> Examples:
    import tensorflow_datasets as tfds  # slow: only where a prepared folder was found

    builder = tfds.builder_from_directory(folder)
    _check_builder(builder, folder, config.name, split)
    image, label = _features(builder.info.features, folder)
    features = tfds.features.FeaturesDict(
        {key: builder.info.features[key] for key in (image, label) if key}
    )
    source = builder.as_data_source(
        split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    if len(source) != builder.info.splits[split].num_examples or not len(source):
        raise ValueError(f"{len(source)} records")
    records = _Records(folder, source, features, image, builder.info.features[image].shape)
    pixels, labels = records.read_all(label, with_pixels=not config.stream)
    classes = builder.info.features[label].num_classes if label else 0
    return Examples(pixels, labels, classes, f"prepared TFDS folder {folder}")


@dataclasses.dataclass(frozen=True)
class _Records:
    """The records of a split, and how an example is got out of one."""

    folder: Path
    source: Any
    features: Any
    image: str
    shape: tuple[int, ...]

    def read_all(self, label: str, with_pixels: bool) -> tuple[Array, np.ndarray]:
        """The pixels, or what will read them, and the labels."""
        count = len(self.source)
        pixels = np.empty((count if with_pixels else 0, *self.shape), np.uint8)
        labels = np.full(count, UNLABELLED, np.int32)
        for start in range(0, count, BLOCK):
            block = range(start, min(start + BLOCK, count))
            for i, example in zip(block, self._examples(list(block)), strict=True):
                if with_pixels:
                    pixels[i] = _decode(example[self.image], self.shape)
                if label:
                    labels[i] = example[label]
        return pixels if with_pixels else LazyArray((count, *self.shape), self.pixels_at), labels

    def pixels_at(self, places: np.ndarray) -> np.ndarray:
        pixels = np.empty((len(places), *self.shape), np.uint8)
        with _readable(self.folder):
            for row, example in zip(pixels, self._examples(places.tolist()), strict=True):
                row[...] = _decode(example[self.image], self.shape)
        return pixels

    def _examples(self, places: list[int]) -> Iterator[dict[str, Any]]:
        import tensorflow_datasets as tfds

        skip = {self.image: tfds.decode.SkipDecoding()}
        for record in self.source.__getitems__(places):
            yield self.features.deserialize_example_np(record, decoders=skip)


def _check_builder(builder: Any, folder: Path, name: str, split: str) -> None:
    """Raises UserError where the folder holds another set or other splits, Absent where it
    cannot be read without TensorFlow."""
    held = builder.name
    if builder.builder_config and "/" in name:
        held = f"{held}/{builder.builder_config.name}"
    if held != name:
        raise UserError(
            f"config.data.name = {name!r}: {folder} holds {held!r}; set config.data.dir or "
            "config.data.name to match"
        )
    formats = {form.value for form in builder.info.available_file_formats()}
    if "array_record" not in formats:
        raise DataNotFound(
            f"{folder} is prepared as {', '.join(sorted(formats)) or 'nothing'}, which needs "
            "TensorFlow to read; `tfds build --file_format=array_record` makes one that does not"
        )
    if split not in builder.info.splits:
        known = ", ".join(builder.info.splits) or "no split at all"
        raise UserError(f"split {split!r}: {folder} has {known}; name one of these")


def _features(features: Any, folder: Path) -> tuple[str, str]:
    """Names of the image and of the label; "" for the label where there is none."""
    import tensorflow_datasets as tfds

    held = ", ".join(f"{key} ({type(value).__name__})" for key, value in features.items())
    images = [key for key, value in features.items() if type(value) is tfds.features.Image]
    labels = [key for key, value in features.items() if isinstance(value, tfds.features.ClassLabel)]
    image = images[0] if len(images) == 1 else "image"
    if image not in images:
        raise UserError(
            f"{folder}: no image feature among its features {held}; choose a set of images"
        )
    shape, dtype = features[image].shape, features[image].np_dtype
    if None in shape or dtype != np.uint8 or shape[-1] not in MODES:
        raise UserError(
            f"{folder}: {image} has shape {shape} and type {np.dtype(dtype).name} (features: "
            f"{held}); must be uint8 of one fixed size, with 1, 3 or 4 channels"
        )
    label = labels[0] if len(labels) == 1 else "label"
    return image, label if label in labels else ""


def _decode(encoded: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels of one encoded image; always by PIL, so that every machine reads the same."""
    import PIL.Image

    with PIL.Image.open(io.BytesIO(encoded)) as image:
        mode = MODES[shape[-1]]
        array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array.reshape(shape)
