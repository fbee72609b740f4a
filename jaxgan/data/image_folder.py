"""Reads a folder of image files, which all have one size and are all grey or all in colour.

The files are in the folder itself, or in one subfolder per class. If there are subfolders "train"
or "test", these are the splits; otherwise all files are for training.
"""

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data.datasets import SPLITS
from jaxgan.data.examples import UNLABELLED, DataNotFound, Examples
from jaxgan.data.lazy_array import LazyArray

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")  # other files are ignored
CHANNELS = {"1": 1, "L": 1, "P": 3, "RGB": 3}  # for each mode of PIL; "P" has a palette of colours
MODES = {1: "L", 3: "RGB"}
COLOURS = {1: "grey", 3: "in colour"}
FIX_HINT = "fix it or remove it from the folder"


class Shape(NamedTuple):
    """The shape of an image, from the header of its file."""

    height: int
    width: int
    channels: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height} pixels and {COLOURS[self.channels]}"


def load_image_folder(config: DataConfig, split: str) -> Examples:
    """Reads the image files in config.data.dir; with config.data.stream they stay on disk.

    Raises:
      DataNotFound: there is no such folder, or no image in it.
      UserError: a file is not an image, or its size or colour is another than that of the other
        files, or the folder has no such split.
    """
    if not config.dir:
        raise DataNotFound("config.data.dir is '', so no folder is named")
    root = Path(config.dir).expanduser()
    folder = _split_folder(root, split)
    paths, labels, classes = _list_images(folder)
    if folder.name == "test":
        classes, labels = _training_labels(root / "train", folder, labels)
    # All headers are read before any pixels: a wrong file is reported early, also when streaming.
    shape = _common_shape(paths)
    lazy = LazyArray((len(paths), *shape), functools.partial(_read, paths, shape))
    pixels = lazy if config.stream else lazy[:]
    return Examples(pixels, labels, len(classes), f"image folder {folder}")


def _split_folder(root: Path, split: str) -> Path:
    if not root.is_dir():
        raise DataNotFound(f"there is no folder {root}")
    splits = [name for name in SPLITS if (root / name).is_dir()]
    if split in splits:
        return root / split
    if not splits and split == "train":
        return root
    if split == "test":
        raise UserError(
            f"config.data.dir = {str(root)!r}: has no folder 'test', so there are no held-out "
            f"images; move some into {root / 'test'} and the others into {root / 'train'}, or turn "
            "evaluations off (config.evaluate.every=0)"
        )
    raise UserError(f"config.data.dir = {str(root)!r}: has no folder {split!r} beside 'test'")


def _list_images(folder: Path) -> tuple[list[str], np.ndarray, list[str]]:
    """The image files, the label of each, and the names of the classes, if there are any."""
    flat, classes = _images(folder), _folders(folder)
    if flat and classes:
        raise UserError(
            f"{flat[0]}: is beside the folder {classes[0]!r}; put all images into one folder "
            "per class, or all into one folder"
        )
    if flat:
        return flat, np.full(len(flat), UNLABELLED, np.int32), []
    kinds = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file"
    by_class = [_images(folder / name) for name in classes]
    for name, images in zip(classes, by_class, strict=True):
        # An empty class is most likely a failed copy, and a label without images cannot be learnt.
        if not images:
            raise UserError(f"{folder / name}: holds no {kinds}; fill or delete it")
    if not classes:
        raise DataNotFound(f"{folder} holds no {kinds}, and no folders of them")
    labels = np.repeat(np.arange(len(classes), dtype=np.int32), [len(part) for part in by_class])
    return [path for images in by_class for path in images], labels, classes


def _training_labels(train: Path, test: Path, labels: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The classes of the training images, and the test labels as indices of these classes."""
    held_out = _folders(test)
    if not train.is_dir():
        return held_out, labels
    # A class is numbered by its place among the training classes, also if the test set lacks some.
    classes = _folders(train)
    unknown = [name for name in held_out if name not in classes]
    if unknown or bool(held_out) != bool(classes):
        difference = f"the class {unknown[0]!r}" if unknown else "no classes"
        raise UserError(
            f"{test}: has {difference}, but {train} has {', '.join(classes) or 'none'}; "
            "must be the same"
        )
    if classes:
        labels = np.array([classes.index(name) for name in held_out], np.int32)[labels]
    return classes, labels


def _images(folder: Path) -> list[str]:
    # Sorted, because the file system's order differs between machines.
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    return [str(folder / name) for name in names if name.lower().endswith(SUFFIXES)]


def _folders(folder: Path) -> list[str]:
    return sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")


def _common_shape(paths: list[str]) -> Shape:
    """The shape of all images, from the headers of their files.

    Raises:
      UserError: an image has another shape than most; the first one is named.
    """
    shapes = [_shape(path) for path in paths]
    ((usual, count), *others) = Counter(shapes).most_common()
    if others:
        index = next(i for i, shape in enumerate(shapes) if shape != usual)
        raise UserError(
            f"{paths[index]}: is {shapes[index]}, but {count} of the {len(paths)} images are "
            f"{usual}; all must be the same: {FIX_HINT}"
        )
    return usual


def _shape(path: str) -> Shape:
    with _open(path) as image:
        # Refused and not converted: what shows through a transparent pixel is the user's choice,
        # and 16 bits cannot become 8 without loss.
        if image.mode not in CHANNELS or image.has_transparency_data:
            kind = "transparent" if image.has_transparency_data else f"of PIL's mode {image.mode}"
            raise UserError(f"{path}: is {kind}; must be grey or RGB of 8 bits: {FIX_HINT}")
        return Shape(image.height, image.width, CHANNELS[image.mode])


def _read(paths: list[str], shape: Shape, indices: np.ndarray) -> np.ndarray:
    pixels = np.empty((len(indices), *shape), np.uint8)
    for row, index in zip(pixels, indices, strict=True):
        path = paths[index]
        with _open(path) as image:
            array = np.asarray(image.convert(MODES[shape.channels]))
        # A streamed file is opened again at each use, and can have been replaced since the start.
        if array.size != row.size or array.shape[:2] != row.shape[:2]:
            raise UserError(
                f"{path}: has another size than at the start of the run; put the old file back"
            )
        row[...] = array.reshape(shape)
    return pixels


@contextlib.contextmanager
def _open(path: str) -> Iterator[Any]:
    """Opens an image; every failure becomes a UserError that names the file."""
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            yield image
    except UserError:
        raise
    except PIL.UnidentifiedImageError as error:
        raise UserError(f"{path}: is not a readable image; {FIX_HINT}") from error
    # PIL's decoders have no common base class of errors.
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise UserError(f"{path}: cannot be read ({error.strerror}); put it back") from error
        text = " ".join(str(error).split())
        raise UserError(f"{path}: is a damaged image ({text}); {FIX_HINT}") from error
