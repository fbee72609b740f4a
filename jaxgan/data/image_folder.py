"""Reads the images of a folder or an archive as one array, of one size and number of channels."""

import functools
import itertools
from collections import defaultdict
from pathlib import Path

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data.examples import DataNotFound, Examples
from jaxgan.data.image_files import describe_others, describe_remedies, list_image_files
from jaxgan.data.image_layout import Layout, find_layout, split_files
from jaxgan.data.image_pixels import NOT_EXACT, PROFILE, rules_of
from jaxgan.data.image_reading import (
    ODD_SIZE,
    Reading,
    UnusableImages,
    check_all,
    check_sizes,
    decode_all,
    decode_at,
)
from jaxgan.data.lazy_array import LazyArray

SHOWN = 3  # file names in a message, for each reason


def load_image_folder(config: DataConfig, split: str) -> Examples:
    """Reads the images in config.data.dir; with config.data.stream they stay on the disk.

    Every file is decoded at the start, also of a streamed set, so that a bad one is found then.

    Raises:
      DataNotFound: no folder is named.
      SplitMissing: the folder has no such split.
      UserError: files cannot be used, or the folders cannot be understood.
    """
    layout = read_layout(config)
    names, labels, classes = split_files(layout, split)
    rules = rules_of(config)
    if rules.size is None and not config.skip_bad:
        check_sizes(layout.files, names)
    if config.stream:
        reading = check_all(layout.files, names, rules, labels.tolist())
    else:
        reading = decode_all(layout.files, names, rules)
    kept = usable_files(config, layout, reading)
    shape = (*reading.size, reading.channels)
    digests = None
    if reading.pixels is None:
        digests = list(itertools.compress(reading.digests, kept))
        rules = rules._replace(channels=reading.channels)
        read = functools.partial(decode_at, layout.files, names, rules, shape)
        indices = np.flatnonzero(kept).astype(np.int32)
        pixels: LazyArray | np.ndarray = LazyArray((len(indices), *shape), read, indices)
    else:
        pixels = reading.pixels if kept.all() else reading.pixels[kept]
    return Examples(
        pixels,
        labels[kept],
        len(classes),
        f"image {'folder' if layout.files.root.is_dir() else 'archive'} {layout.path(split)}",
        classes,
        processing_of(config, reading),
        describe_left_out(layout, reading),
        digests,
    )


def read_layout(config: DataConfig) -> Layout:
    """Lists the images in config.data.dir, and finds the folders of its splits.

    Raises:
      DataNotFound: no folder is named.
      UserError: there is no such folder, or no image in it.
    """
    if not config.dir:
        raise DataNotFound("config.data.dir is '', so no folder is named")
    root = Path(config.dir)
    named = f"config.data.dir = {config.dir!r}"
    if not root.exists():
        raise UserError(f"{named}: there is no such folder; name one that exists")
    files = list_image_files(root)
    if not files.names:
        content = describe_others(files.others)
        holds = f"holds no image file, but {content}" if content else "is empty"
        other = describe_remedies(files.others)
        raise UserError(
            f"{named}: {holds}; name a folder of images such as .png or .jpg files{other}"
        )
    return find_layout(files)


def has_split(config: DataConfig, split: str) -> bool:
    """Returns whether config.data.dir has a folder for the split."""
    return split in read_layout(config).folders


def usable_files(config: DataConfig, layout: Layout, reading: Reading) -> np.ndarray:
    """Returns for each file whether it is an image of the set.

    Raises:
      UnusableImages: some are not, and the config does not allow to go on without them.
    """
    kept = np.array([size == reading.size for size in reading.sizes])
    if not kept.all() and not (config.skip_bad and kept.any()):
        raise _bad_files_error(layout.files.root, len(kept), reading.bad)
    return kept


def processing_of(config: DataConfig, reading: Reading) -> dict[str, object]:
    """Returns what was done to the pixels, for the run's record."""
    skipped = sum(map(len, reading.bad.values()))
    return {
        "size": list(reading.size),
        "fit": config.fit,
        "channels": reading.channels,
        "background": config.background,
        "counts": {**reading.done, **({"skipped": skipped} if skipped else {})},
    }


def describe_left_out(layout: Layout, *readings: Reading) -> str:
    """Describes the files, and the colour profiles, that were left out, for the log."""
    others, parts = layout.files.others, []
    if others:
        kinds = "file of another kind" if others.total() == 1 else "files of other kinds"
        parts.append(f"{others.total():,} {kinds} left out: {describe_others(others)}")
    bad: dict[str, list[str]] = defaultdict(list)
    for reading in readings:
        for reason, names in reading.bad.items():
            bad[reason] += names
    for reason, names in bad.items():
        verb = "file that is" if len(names) == 1 else "files that are"
        parts.append(f"{len(names):,} {verb} {reason} left out, such as {names[0]}")
    if profiles := sum(reading.done[PROFILE] for reading in readings):
        parts.append(f"colour profile of {profiles:,} image{'s' * (profiles > 1)} not applied")
    if "val" in layout.folders:
        parts.append(f"folder {layout.folders['val']!r} not used")
    return "; ".join(parts)


def _bad_files_error(root: Path, count: int, bad: dict[str, list[str]]) -> UnusableImages:
    total = sum(map(len, bad.values()))
    kinds = []
    for reason, names in bad.items():
        shown = ", ".join(names[:SHOWN]) + ", ..." * (len(names) > SHOWN)
        kinds.append(f"{len(names):,} {'is' if len(names) == 1 else 'are'} {reason} ({shown})")
    advice = "fix or remove them"
    if any(reason.startswith(ODD_SIZE) for reason in bad):
        advice += ", or set config.data.size"
    if any(reason.startswith(NOT_EXACT) for reason in bad):
        advice += ", or leave out config.data.fit=exact"
    if total < count:
        advice += ", or go on without them by config.data.skip_bad=True"
    return UnusableImages(
        f"{root}: {total:,} of {count:,} image files cannot be used: {'; '.join(kinds)}",
        advice,
    )
