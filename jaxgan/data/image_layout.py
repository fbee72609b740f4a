"""The splits and classes of image files, as the folders they lie in say.

`train/cat/1.png`: the first folder can be a split, the next one is a class, and deeper ones have no
meaning. One folder that holds everything is passed through.
"""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data.examples import UNLABELLED, SplitMissing
from jaxgan.data.image_files import ImageFiles

# The names of folders, in small letters, that are splits.
SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "val": "val",
    "validation": "val",
}


class Layout(NamedTuple):
    """Where the images of each split are.

    Attributes:
      prefix: the path of the folder that holds everything, with a "/" at the end; "" for the root.
      folders: the name of the folder of each split; "" where all images are for training.
    """

    files: ImageFiles
    prefix: str
    folders: dict[str, str]

    def path(self, split: str) -> Path:
        """Returns the folder of a split; it is within an archive if `files` are those of one."""
        return self.files.root / self.prefix / self.folders[split]


class SplitFiles(NamedTuple):
    """The image files of one split, the label of each, and the names of the classes."""

    names: list[str]
    labels: np.ndarray
    classes: tuple[str, ...]


def find_layout(files: ImageFiles) -> Layout:
    """Finds the folders of the splits.

    Raises:
      UserError: something lies beside the folders of the splits, or two folders are one split.
    """
    prefix = _common_folder(files)
    tops = _first_parts(files.names, prefix)
    splits = natural_order({top for top in tops if top.lower() in SPLIT_FOLDERS})
    where = files.root / prefix
    if not splits:
        return Layout(files, prefix, {"train": ""})
    if others := natural_order(tops - set(splits)):
        what = "the folder" if _holds(files.names, f"{prefix}{others[0]}/") else "the image"
        raise UserError(
            f"{where}: the folder {splits[0]!r} looks like a split, but beside it is {what} "
            f"{others[0]!r}; if {splits[0]!r} is a class, put all class folders into a folder "
            "'train'; if it is a split, move the others into it or out of here"
        )
    folders = {SPLIT_FOLDERS[name.lower()]: name for name in splits}
    if len(folders) < len(splits):
        raise UserError(f"{where}: {' and '.join(map(repr, splits))} are one split; merge them")
    if "train" not in folders:
        raise UserError(
            f"{where}: has no folder 'train' beside {splits[0]!r}; put the training images there, "
            f"or rename {splits[0]!r} if it is not a split"
        )
    # Images for validation are not trained on, so they can take the place of the test images.
    if "test" not in folders and "val" in folders:
        folders["test"] = folders.pop("val")
    return Layout(files, prefix, folders)


def split_files(layout: Layout, split: str) -> SplitFiles:
    """Returns the files of a split; classes are numbered by their place among those of training.

    Raises:
      SplitMissing: there is no folder of this split.
      UserError: images lie beside class folders, a class has no image, or the split has another
        class than the training images.
    """
    if split not in layout.folders:
        root = layout.files.root / layout.prefix
        raise SplitMissing(f"{root}: has no folder {split!r}, so there are no {split} images")
    names, by_class = _by_class(layout, split)
    if split == "train":
        classes = natural_order(by_class)
    else:
        classes = natural_order(_by_class(layout, "train")[1])
        _check_classes(layout, split, by_class, classes)
    index = {name: i for i, name in enumerate(classes)}
    labels = [index[_class_of(layout, split, name)] if classes else UNLABELLED for name in names]
    # Some file systems allow names that are no UTF-8, which no page or data set can hold.
    shown = (name.encode("utf-8", "backslashreplace").decode() for name in classes)
    return SplitFiles(names, np.array(labels, np.int32), tuple(shown))


def natural_order(names: Counter[str] | set[str]) -> list[str]:
    """Returns the names sorted with their numbers as numbers: "2" comes before "10"."""

    def key(name: str) -> tuple[list[str | int], str]:
        parts = re.split("([0-9]+)", name)
        return [int(part) if i % 2 else part for i, part in enumerate(parts)], name

    return sorted(names, key=key)


def _by_class(layout: Layout, split: str) -> tuple[list[str], Counter[str]]:
    """Returns the files of a split, and the number of them in each class folder."""
    folder = _split_prefix(layout, split)
    names = [name for name in layout.files.names if name.startswith(folder)]
    classes = [_class_of(layout, split, name) for name in names]
    flat = [name for name, class_ in zip(names, classes, strict=True) if not class_]
    by_class = Counter(filter(None, classes))
    root = layout.files.root
    if flat and by_class:
        raise UserError(
            f"{root / flat[0]}: is beside the folder {next(iter(by_class))!r}; put all images into "
            "one folder per class, or all into one folder"
        )
    below = {name.removeprefix(folder) for name in layout.files.folders if name.startswith(folder)}
    # Most likely a failed copy, and a label without images cannot be learnt.
    if by_class and (empty := sorted({name.split("/")[0] for name in below} - set(by_class))):
        raise UserError(
            f"{root / folder / empty[0]}: holds no image file, but would be a class, as the folder "
            f"{next(iter(by_class))!r} beside it is; fill it, or move it elsewhere"
        )
    return names, by_class


def _check_classes(layout: Layout, split: str, by_class: Counter[str], classes: list[str]) -> None:
    unknown = [name for name in natural_order(by_class) if name not in classes]
    if unknown or bool(by_class) != bool(classes):
        difference = f"the class {unknown[0]!r}" if unknown else "no classes"
        raise UserError(
            f"{layout.path(split)}: has {difference}, but {layout.path('train')} has "
            f"{', '.join(classes) or 'none'}; must be the same"
        )


def _class_of(layout: Layout, split: str, name: str) -> str:
    """Returns the class folder of a file; "" if it lies in the folder of the split itself."""
    top, slash, _ = name.removeprefix(_split_prefix(layout, split)).partition("/")
    return top if slash else ""


def _split_prefix(layout: Layout, split: str) -> str:
    folder = layout.folders[split]
    return layout.prefix + (f"{folder}/" if folder else "")


def _common_folder(files: ImageFiles) -> str:
    """Returns the path of the folder that holds everything, and more than one thing."""
    prefix = ""
    while len(tops := _first_parts([*files.names, *files.folders], prefix)) == 1:
        (top,) = tops
        if top.lower() in SPLIT_FOLDERS or not _holds(files.names, f"{prefix}{top}/"):
            break
        prefix = f"{prefix}{top}/"
    return prefix


def _first_parts(names: list[str], prefix: str) -> set[str]:
    return {name[len(prefix) :].split("/")[0] for name in names if name.startswith(prefix)}


def _holds(names: list[str], folder: str) -> bool:
    return any(name.startswith(folder) for name in names)
