"""Decodes the image files of a split: all at once into one array, or some when they are needed."""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data.image_files import ImageFiles
from jaxgan.data.image_pixels import BadImage, Rules, decode, quiet_decoding, size_of
from jaxgan.parallel.host_memory import host_memory

PROBED = 100  # files whose sizes are compared before all are decoded
SHOWN = 3  # of these, with different sizes, that are named
BAR_SECONDS = 2  # of reading, after which a bar appears
# A reason of `Reading.bad` that a setting can remove begins with this.
ODD_SIZE = "not of the size"


class UnusableImages(UserError):
    """Image files that cannot be used, which a setting may change.

    Attributes:
      found: the message without the advice, which names settings of a run.
    """

    def __init__(self, found: str, advice: str):
        super().__init__(f"{found}; {advice}")
        self.found = found


class Reading(NamedTuple):
    """The result of decoding the files of a split.

    Attributes:
      sizes: (height, width) of each file; None if it cannot be used.
      bad: the files that cannot be used, by reason.
      pixels: of the files that have the size `size`, at their places; None if they are streamed.
      done: how many images were turned, resized and so on.
    """

    size: tuple[int, int]
    channels: int
    sizes: list[tuple[int, int] | None]
    bad: dict[str, list[str]]
    pixels: np.ndarray | None
    done: Counter[str]


def check_sizes(files: ImageFiles, names: list[str]) -> None:
    """Refuses images of many sizes early: to decode large photographs takes minutes."""
    probed = {name: size_of(files, name) for name in names[:: max(1, len(names) // PROBED)]}
    # Sorted, since the sides of a photograph may be exchanged when it is turned upright.
    counts = Counter(tuple(sorted(size)) for size in probed.values() if size)
    if len(counts) < 2 or 2 * counts.most_common(1)[0][1] > counts.total():
        return
    # The first file of each size, in the order of the files.
    first = {size: name for name, size in reversed(probed.items()) if size}
    shown = [f"{size[0]}x{size[1]} ({name})" for size, name in reversed(first.items())]
    raise UnusableImages(
        f"{files.root}: the images have different sizes (height x width), such as "
        f"{', '.join(shown[:SHOWN])}",
        "set config.data.size to the side that all are to have, such as 64",
    )


def decode_all(files: ImageFiles, names: list[str], rules: Rules, keep: bool) -> Reading:
    """Decodes all files. The size of most of them is that of the set."""
    first = _decode_to_size(files, names, rules, None, keep)
    counts = Counter(filter(None, first.sizes))
    if not counts:
        return first
    ((usual, count), *_) = counts.most_common()
    # Only pixels of the first file's size were kept, which is nearly always that of most.
    reading = first if usual == first.size else _decode_to_size(files, names, rules, usual, keep)
    unlike = f"{ODD_SIZE} {usual[0]}x{usual[1]} (height x width) of {count:,} others"
    for name, size in zip(names, reading.sizes, strict=True):
        if size not in (None, usual):
            reading.bad[unlike].append(name)
    return reading


def _decode_to_size(
    files: ImageFiles, names: list[str], rules: Rules, size: tuple[int, int] | None, keep: bool
) -> Reading:
    """Decodes all files; `size` is of those whose pixels are kept, or None for the first's."""
    sizes: list[tuple[int, int] | None] = []
    bad: dict[str, list[str]] = defaultdict(list)
    done: Counter[str] = Counter()
    pixels, channels = None, rules.channels
    with quiet_decoding():
        for index, name in enumerate(_with_bar(names)):
            changes: Counter[str] = Counter()
            try:
                image = decode(files, name, rules, changes)
            except BadImage as reason:
                bad[str(reason)].append(name)
                sizes.append(None)
                continue
            sizes.append(image.shape[:2])
            size = size or image.shape[:2]
            if image.shape[:2] != size:
                continue
            done += changes
            # From the first colour image on, all are read in colour.
            if image.shape[2] > channels:
                channels = image.shape[2]
                rules = rules._replace(channels=channels if channels == 3 else 0)
                pixels = _in_channels(pixels, channels)
            if keep and pixels is None:
                _check_memory(files, len(names), size)
                pixels = np.empty((len(names), *size, channels), np.uint8)
            if pixels is not None:
                pixels[index] = image
    return Reading(size or (0, 0), channels, sizes, bad, pixels, done)


def _check_memory(files: ImageFiles, count: int, size: tuple[int, int]) -> None:
    """Refuses images that take more memory than there is, although their files may be small."""
    needed, memory = 3 * count * math.prod(size), host_memory()
    if needed > memory:
        raise UserError(
            f"{files.root}: {count:,} images of {size[0]}x{size[1]} pixels are "
            f"{needed / 1e9:.3g} GB in memory, and this machine has {memory / 1e9:.3g} GB; set "
            "config.data.size to a smaller side, or config.data.stream"
        )


def _in_channels(pixels: np.ndarray | None, channels: int) -> np.ndarray | None:
    return None if pixels is None else np.repeat(pixels, channels, axis=3)


def _with_bar(names: list[str]) -> Iterable[str]:
    from tqdm import tqdm

    # In a file or a pipe, a bar would be one endless line.
    hidden = not sys.stderr.isatty()
    return tqdm(names, "reading images", leave=False, disable=hidden, delay=BAR_SECONDS)


def decode_at(
    files: ImageFiles,
    names: list[str],
    rules: Rules,
    shape: tuple[int, ...],
    indices: np.ndarray,
) -> np.ndarray:
    """Decodes the images at some indices of the list of names, for a streamed set."""
    pixels, done = np.empty((len(indices), *shape), np.uint8), Counter[str]()
    for row, index in zip(pixels, indices, strict=True):
        path = files.root / names[index]
        # It can have been replaced since the start of the run.
        try:
            image = decode(files, names[index], rules, done)
        except BadImage as reason:
            raise UserError(f"{path}: is now {reason}; put the old file back") from None
        if image.shape != shape:
            raise UserError(
                f"{path}: has another size than at the start of the run; put the old file back"
            )
        row[...] = image
    return pixels
