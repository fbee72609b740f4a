"""A folder of image files: all of one size, all of them grey or all in colour.

The files lie in the folder itself, or in a folder for each class. Where it holds a folder "train"
or "test", these are the splits; otherwise all of it is for training.
"""

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data.datasets import UNKNOWN
from jaxgan.data.examples import UNLABELLED, DataNotFound, Examples
from jaxgan.data.lazy_array import LazyArray

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")  # of what is read; other files are left alone
CHANNELS = {"1": 1, "L": 1, "P": 3, "RGB": 3}  # by PIL's mode
MODES = {1: "L", 3: "RGB"}
COLOURS = {1: "grey", 3: "in colour"}
FIX_HINT = "mend it or take it out of the folder"


class Shape(NamedTuple):
    """Of an image, as its file's header has it."""

    height: int
    width: int
    channels: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height} pixels and {COLOURS[self.channels]}"


def load_image_folder(config: DataConfig, split: str) -> Examples:
    """Examples of the image files in config.data.dir; with config.data.stream they stay there.

    Raises:
      Absent: no such folder, or no image in it.
      UserError: a file is no image, or not like the others; or the folder has no such split.
    """
    if not config.dir:
        raise DataNotFound("config.data.dir is '', so no folder is named")
    root = Path(config.dir).expanduser()
    folder = _of_split(root, split)
    paths, labels, classes = _listed(folder)
    if folder.name == "test":
        classes, labels = _as_in_training(root / "train", folder, labels)
    shape = _common_shape(paths)
    stored = LazyArray((len(paths), *shape), functools.partial(_read, paths, shape))
    pixels = stored if config.stream else stored[:]
    return Examples(pixels, labels, len(classes), f"image folder {folder}")


def _of_split(root: Path, split: str) -> Path:
    if not root.is_dir():
        raise DataNotFound(f"there is no folder {root}")
    splits = [name for name in UNKNOWN if (root / name).is_dir()]
    if split in splits:
        return root / split
    if not splits and split == "train":
        return root
    if split == "test":
        raise UserError(
            f"config.data.dir = {str(root)!r}: has no folder 'test', so no images are held out; "
            f"put some into {root / 'test'} and the others into {root / 'train'}, or do without "
            "evaluations (config.evaluate.every=0)"
        )
    raise UserError(f"config.data.dir = {str(root)!r}: has no folder {split!r} beside 'test'")


def _listed(folder: Path) -> tuple[list[str], np.ndarray, list[str]]:
    """The image files, the label of each, and the names of the classes; none where the images
    lie in the folder itself."""
    flat, classes = _images(folder), _folders(folder)
    if flat and classes:
        raise UserError(
            f"{flat[0]}: lies beside the folder {classes[0]!r}; put all images into folders of "
            "their classes, or all into one folder"
        )
    if flat:
        return flat, np.full(len(flat), UNLABELLED, np.int32), []
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = _images(folder / name)
        if not found:
            raise UserError(f"{folder / name}: a class without {_kinds()}; fill or delete it")
        paths += found
        labels += [label] * len(found)
    if not paths:
        raise DataNotFound(f"{folder} holds no {_kinds()}, nor folders of them")
    return paths, np.array(labels, np.int32), classes


def _as_in_training(train: Path, test: Path, labels: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The classes of the training images, and the test labels among these."""
    held_out = _folders(test)
    if not train.is_dir():
        return held_out, labels
    classes = _folders(train)
    others = [name for name in held_out if name not in classes]
    if others or bool(held_out) != bool(classes):
        wrong = f"the class {others[0]!r}" if others else "no classes"
        raise UserError(
            f"{test}: has {wrong}, and {train} has {', '.join(classes) or 'none'}; must be the same"
        )
    if classes:
        labels = np.array([classes.index(name) for name in held_out], np.int32)[labels]
    return classes, labels


def _images(folder: Path) -> list[str]:
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    return [str(folder / name) for name in names if name.lower().endswith(SUFFIXES)]


def _folders(folder: Path) -> list[str]:
    return sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")


def _kinds() -> str:
    return f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file"


def _common_shape(paths: list[str]) -> Shape:
    """The shape that every image has, by the headers of the files.

    Raises:
      UserError: of the first one that is unlike most.
    """
    shapes = [_shape(path) for path in paths]
    ((usual, count), *others) = Counter(shapes).most_common()
    if others:
        odd = next(place for place, shape in enumerate(shapes) if shape != usual)
        raise UserError(
            f"{paths[odd]}: is {shapes[odd]}, and {count} of the {len(paths)} images there are "
            f"{usual}; all must be alike: {FIX_HINT}"
        )
    return usual


def _shape(path: str) -> Shape:
    with _opened(path) as image:
        if image.mode not in CHANNELS or image.has_transparency_data:
            what = "transparent" if image.has_transparency_data else f"of PIL's mode {image.mode}"
            raise UserError(f"{path}: is {what}; must be grey or RGB of 8 bits: {FIX_HINT}")
        return Shape(image.height, image.width, CHANNELS[image.mode])


def _read(paths: list[str], shape: Shape, places: np.ndarray) -> np.ndarray:
    pixels = np.empty((len(places), *shape), np.uint8)
    for row, place in zip(pixels, places, strict=True):
        path = paths[place]
        with _opened(path) as image:
            array = np.asarray(image.convert(MODES[shape.channels]))
        if array.size != row.size or array.shape[:2] != row.shape[:2]:
            raise UserError(f"{path}: has changed its size since the run began; put it back")
        row[...] = array.reshape(shape)
    return pixels


@contextlib.contextmanager
def _opened(path: str) -> Iterator:
    """An image; whatever is wrong with its file is an error that names it."""
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            yield image
    except UserError:
        raise
    except PIL.UnidentifiedImageError as error:
        raise UserError(f"{path}: is no image that can be read; {FIX_HINT}") from error
    except Exception as error:  # PIL's decoders have no common class of errors
        gone = isinstance(error, OSError) and error.strerror
        if gone:
            raise UserError(f"{path}: cannot be read ({gone}); put it back") from error
        text = " ".join(str(error).split())
        raise UserError(f"{path}: a damaged image ({text}); {FIX_HINT}") from error
