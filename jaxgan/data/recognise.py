"""Looks at what config.data.dir holds: which source reads it, and the name of the set in it."""

import dataclasses
import logging
from pathlib import Path

from jaxgan.config.errors import UserError
from jaxgan.config.import_paths import is_import_path
from jaxgan.config.schema import DataConfig
from jaxgan.data import idx_files, image_folder, tfds_prepared
from jaxgan.data.archives import is_archive
from jaxgan.data.datasets import DATASETS, SPLITS
from jaxgan.data.examples import DataNotFound
from jaxgan.data.gaussian_mixtures import MIXTURES
from jaxgan.data.image_files import (
    describe_others,
    describe_remedies,
    holds_image,
    list_image_files,
)
from jaxgan.data.image_layout import split_files

logger = logging.getLogger(__name__)
DRAWN = {*MIXTURES, "stacked_mnist"}  # sets that no folder of images is taken for
MANY_FILES = 2000  # of images, from which on it is said that they are being read


def recognise(config: DataConfig) -> str:
    """Returns the source that reads config.data.dir, which must be set.

    Raises:
      UserError: the folder holds nothing that can be read.
    """
    root = Path(config.dir)
    named = f"config.data.dir = {config.dir!r}"
    if not root.exists():
        raise UserError(
            f"{named}: there is no such folder; name one that exists{_download_hint(config)}"
        )
    if not root.is_dir():
        return "folder"
    if any(idx_files.has_split(config, split) for split in SPLITS):
        return "idx"
    if _holds_prepared(config, root):
        return "prepared"
    if holds_image(root):
        return "folder"
    raise _nothing_error(config, root)


def with_found_name(config: DataConfig, announce: bool = False) -> DataConfig:
    """Returns the config with the name of the set that config.data.dir holds.

    A folder of images is the user's own set and not a known one such as MNIST, so it has its own
    name then. Only with config.source = "folder" can it be the known set, if it has as many images.

    Args:
      announce: whether to log that many images will be read, which takes a while.

    Raises:
      UserError: as `recognise`; or the folder holds prepared sets of other names.
    """
    if not config.dir or config.source not in ("auto", "folder", "prepared"):
        return config
    if config.name in DRAWN or is_import_path(config.name):
        return config
    source = recognise(config) if config.source == "auto" else config.source
    if source == "prepared":
        return dataclasses.replace(config, name=_prepared_name(config))
    if source != "folder":
        return config
    spec = DATASETS.get(config.name)
    # To list a folder of many files, or to unpack an archive, takes seconds.
    if spec is None and not announce:
        return config
    layout = image_folder.read_layout(config)
    names, _, _ = split_files(layout, "train")
    if announce and len(names) >= MANY_FILES:
        logger.info(f"data: reading {len(names):,} image files of {layout.path('train')}")
    if spec is None or (config.source == "folder" and len(names) == spec.examples["train"]):
        return config
    name = own_name(Path(config.dir))
    logger.info(
        f"data: {config.dir} holds {len(names):,} image files and not {config.name}; they are "
        f"recorded as config.data.name = {name!r}"
    )
    return dataclasses.replace(config, name=name)


def own_name(root: Path) -> str:
    """Returns the name of a folder or archive as a set; never that of a known set."""
    name = root.resolve().name or "images"
    while is_archive(root) and (stem := name.removesuffix(Path(name).suffix)) != name:
        name = stem
    return f"{name}_images" if name in DATASETS else name


def _holds_prepared(config: DataConfig, root: Path) -> bool:
    try:
        # A version without any files is one that was not copied as a whole.
        tfds_prepared.find_prepared(config.name, root)
    except DataNotFound:
        return bool(tfds_prepared.prepared_sets(root))
    return True


def _nothing_error(config: DataConfig, root: Path) -> UserError:
    """Returns the error that says what a folder holds in place of data."""
    named, download = f"config.data.dir = {config.dir!r}", _download_hint(config)
    others = list_image_files(root).others
    if (root / tfds_prepared.UNFINISHED).is_dir():
        return UserError(
            f"{named}: holds a set that is not prepared to its end; repeat the command `prepare`, "
            "which goes on from there"
        )
    if not others:
        return UserError(
            f"{named}: is empty; name a folder with images, IDX files or a prepared TFDS set"
            f"{download}"
        )
    if any(ending.startswith(tfds_prepared.RECORDS) for ending in others):
        return UserError(f"{named}: {_describe_records(root)}{download}")
    return UserError(
        f"{named}: holds no images, no IDX files and no prepared TFDS set, but "
        f"{describe_others(others)}; name a folder that has one of these"
        f"{describe_remedies(others)}{download}"
    )


def _describe_records(root: Path) -> str:
    """Returns why no prepared set was found though there are files of records, and what to do."""
    if info := min(root.rglob(tfds_prepared.INFO), default=None):
        return f"holds a prepared TFDS set deeper within; name its folder, {info.parent}"
    return (
        f"holds a part of a prepared TFDS set, whose {tfds_prepared.INFO} is missing; copy or "
        "prepare it again"
    )


def _prepared_name(config: DataConfig) -> str:
    sets = tfds_prepared.prepared_sets(Path(config.dir))
    names = sorted(sets)
    if config.name in names or not names:
        return config.name
    # As of a folder of images, the name of one's own images is free.
    if len(names) == 1 and config.name not in DATASETS and tfds_prepared.read_notes(sets[names[0]]):
        return config.name
    # Another known set under the name of this one would be other data than was asked for.
    if len(names) > 1 or names[0] in DATASETS:
        raise UserError(
            f"config.data.dir = {config.dir!r}: holds the prepared sets {', '.join(names)}, but "
            f"config.data.name = {config.name!r}; set it to one of them{_download_hint(config)}"
        )
    logger.info(f"data: {config.dir} holds the prepared set {names[0]!r}, which is read")
    return names[0]


def _download_hint(config: DataConfig) -> str:
    if config.source != "auto" or config.name not in DATASETS:
        return ""
    return f", or set config.data.source=download to download {config.name} into it"
