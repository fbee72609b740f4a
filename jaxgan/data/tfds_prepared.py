"""Prepared TFDS folders, read whole and without TensorFlow."""

import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config import DataConfig, UserError
from jaxgan.data.examples import UNLABELLED, Absent, Examples

BLOCK = 1024  # records read at a time
NAME = re.compile(r"\w+(/[\w.+-]+)?")  # set, or set/config
VERSION = re.compile(r"\d+\.\d+\.\d+")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # PIL's, by the number of channels


def data_dir(config: DataConfig) -> Path:
    """The folder that holds prepared sets: config.data.dir, else TFDS's default."""
    default = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(config.dir or default).expanduser()


def from_folder(config: DataConfig, split: str) -> Examples:
    """Examples of the newest version of the set in the data folder.

    Every record is read and decoded here, so that damage is found before training starts.

    Raises:
      Absent: the folder holds no prepared version of the set, or needs TensorFlow to read.
      UserError: it holds one that is damaged or that is no set of images of one size.
    """
    folder = find(config.name, data_dir(config))
    renew = f"delete {folder}, then copy or prepare it again"
    for needed in ("dataset_info.json", "features.json"):
        if not (folder / needed).is_file():
            raise UserError(f"{folder}: half a prepared TFDS set ({needed} is missing); {renew}")
    try:
        return _read(folder, config.name, split)
    except (UserError, Absent):
        raise
    except ImportError as error:
        raise UserError(
            f"{folder}: cannot be read without {error.name} ({one_line(error)}); install it"
        ) from error
    except Exception as error:  # TFDS and what it calls have no common class of errors
        raise UserError(f"{folder}: a damaged TFDS set ({one_line(error)}); {renew}") from error


def find(name: str, root: Path) -> Path:
    """The folder of the newest prepared version of a set.

    Unfinished folders, which TFDS names otherwise, are not taken.
    """
    if not NAME.fullmatch(name):
        raise Absent(f"{name!r} is no TFDS name")
    home = root / name
    if not home.is_dir():
        raise Absent(f"there is no folder {home}")
    versions = [entry for entry in home.iterdir() if VERSION.fullmatch(entry.name)]
    if not versions:
        raise Absent(f"{home} holds no folder of a version, such as 3.0.1")
    return max(versions, key=lambda entry: [int(part) for part in entry.name.split(".")])


def one_line(error: BaseException) -> str:
    """An error's class and the beginning of its text, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def _read(folder: Path, name: str, split: str) -> Examples:
    import tensorflow_datasets as tfds  # slow: only where a prepared folder was found

    builder = tfds.builder_from_directory(folder)
    _check_builder(builder, folder, name, split)
    image, label = _features(builder.info.features, folder)
    features = tfds.features.FeaturesDict(
        {key: builder.info.features[key] for key in (image, label) if key}
    )
    records = builder.as_data_source(
        split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    if len(records) != builder.info.splits[split].num_examples or not len(records):
        raise ValueError(f"{len(records)} records")
    shape = builder.info.features[image].shape
    pixels = np.empty((len(records), *shape), np.uint8)
    labels = np.full(len(records), UNLABELLED, np.int32)
    skip = {image: tfds.decode.SkipDecoding()}
    for start in range(0, len(records), BLOCK):
        block = range(start, min(start + BLOCK, len(records)))
        for i, record in zip(block, records.__getitems__(list(block)), strict=True):
            example = features.deserialize_example_np(record, decoders=skip)
            pixels[i] = _decode(example[image], shape)
            if label:
                labels[i] = example[label]
    classes = builder.info.features[label].num_classes if label else 0
    return Examples(pixels, labels, classes, f"prepared TFDS folder {folder}")


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
        raise Absent(
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
