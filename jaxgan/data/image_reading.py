"""Decodes the image files of a split: all at once into one array, or some when they are needed."""

import math
import os
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data.examples import example_digest
from jaxgan.data.image_files import ImageFiles
from jaxgan.data.image_pixels import BadImage, Rules, decode, quiet_decoding, size_of
from jaxgan.parallel.host_memory import host_memory

PROBED = 100  # files whose sizes are compared before all are decoded
SHOWN = 3  # of these, with different sizes, that are named
BAR_SECONDS = 2  # of reading, after which a bar appears
THREADS = min(16, os.cpu_count() or 1)  # PIL decodes without Python's lock
THREAD_FILES = 4  # that a thread decodes at a time: to hand one over takes longer than a small one
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


class Outcome(NamedTuple):
    """The result of decoding one file.

    Attributes:
      shape: (height, width, channels), with the channels that the picture itself needs; None if
        the file cannot be used.
      reason: why it cannot be used.
      done: how often the picture was turned, resized and so on.
    """

    shape: tuple[int, int, int] | None
    reason: str
    done: Mapping[str, int]


class Reading(NamedTuple):
    """The result of decoding the files of a split.

    Attributes:
      sizes: (height, width) of each file; None if it cannot be used.
      bad: the files that cannot be used, by reason.
      done: how many images were turned, resized and so on.
      pixels: of the files that have the size `size`, at their places; None if they are streamed.
      digests: of the same files, if they are streamed.
    """

    size: tuple[int, int]
    channels: int
    sizes: list[tuple[int, int] | None]
    bad: dict[str, list[str]]
    done: Counter[str]
    pixels: np.ndarray | None = None
    digests: tuple[bytes, ...] = ()


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


def decode_all(files: ImageFiles, names: list[str], rules: Rules) -> Reading:
    """Decodes all files, and keeps the pixels. The size of most files is that of the set."""
    # Only pixels of the first image's size are kept, which is nearly always that of most.
    outcomes, pixels = _decode_to_size(files, names, rules, None)
    reading = summarise(names, outcomes, rules.channels)
    if pixels is not None and pixels.shape[1:3] != reading.size:
        _, pixels = _decode_to_size(files, names, rules, reading.size)
    return reading._replace(pixels=pixels)


def check_all(files: ImageFiles, names: list[str], rules: Rules, labels: list[int]) -> Reading:
    """Decodes all files, and keeps only the digest of each with its label."""
    outcomes, digests = [], {1: [b""] * len(names), 3: [b""] * len(names)}
    for index, (image, outcome) in enumerate(_decode_with_bar(files, names, rules)):
        outcomes.append(outcome)
        if image is not None:
            digests[image.shape[2]][index] = example_digest(image, labels[index])
            # Whether the set is in colour is known only at its end.
            if image.shape[2] == 1 and not rules.channels:
                colour = np.repeat(image, 3, axis=2)
                digests[3][index] = example_digest(colour, labels[index])
    reading = summarise(names, outcomes, rules.channels)
    return reading._replace(digests=tuple(digests.get(reading.channels, ())))


def summarise(names: list[str], outcomes: Iterable[Outcome], channels: int) -> Reading:
    """Returns what files have in common whose outcomes are known.

    Args:
      channels: 0 for as many as the pictures need.
    """
    outcomes = list(outcomes)
    sizes = [outcome.shape and outcome.shape[:2] for outcome in outcomes]
    bad: dict[str, list[str]] = defaultdict(list)
    for name, outcome in zip(names, outcomes, strict=True):
        if outcome.shape is None:
            bad[outcome.reason].append(name)
    counts = Counter(filter(None, sizes))
    if not counts:
        return Reading((0, 0), channels, sizes, bad, Counter())
    ((usual, count), *_) = counts.most_common()
    unlike = f"{ODD_SIZE} {usual[0]}x{usual[1]} (height x width) of {count:,} others"
    done: Counter[str] = Counter()
    for name, outcome in zip(names, outcomes, strict=True):
        if outcome.shape is None:
            continue
        if outcome.shape[:2] != usual:
            bad[unlike].append(name)
            continue
        done.update(outcome.done)
        channels = max(channels, outcome.shape[2])
    return Reading(usual, channels, sizes, bad, done)


def decode_each(
    files: ImageFiles, names: list[str], rules: Rules
) -> Iterator[tuple[np.ndarray | None, Outcome]]:
    """Decodes files one by one; yields the pixels, or None, and the outcome of each, in order."""
    for name in names:
        done: Counter[str] = Counter()
        try:
            image = decode(files, name, rules, done)
        except BadImage as reason:
            yield None, Outcome(None, str(reason), {})
        else:
            yield image, Outcome((*image.shape[:2], image.shape[2]), "", done)


def reading_bar(total: int) -> Any:
    """Returns a bar that counts images; on a terminal, it appears if reading takes long."""
    from tqdm import tqdm

    # In a file or a pipe, a bar would be one endless line.
    hidden = not sys.stderr.isatty()
    return tqdm(desc="reading images", total=total, leave=False, disable=hidden, delay=BAR_SECONDS)


def _decode_to_size(
    files: ImageFiles, names: list[str], rules: Rules, size: tuple[int, int] | None
) -> tuple[list[Outcome], np.ndarray | None]:
    """Decodes all files; `size` is of those whose pixels are kept, or None for the first's."""
    outcomes: list[Outcome] = []
    pixels = None
    for index, (image, outcome) in enumerate(_decode_with_bar(files, names, rules)):
        outcomes.append(outcome)
        if image is None:
            continue
        size = size or (image.shape[0], image.shape[1])
        if image.shape[:2] != size:
            continue
        if pixels is None:
            _check_memory(files, len(names), size)
            pixels = np.empty((len(names), *size, image.shape[2]), np.uint8)
        # From the first colour image on, all are in colour.
        elif image.shape[2] > pixels.shape[3]:
            pixels = np.repeat(pixels, image.shape[2], axis=3)
        pixels[index] = image
    return outcomes, pixels


def _decode_with_bar(
    files: ImageFiles, names: list[str], rules: Rules
) -> Iterator[tuple[np.ndarray | None, Outcome]]:
    with quiet_decoding(), reading_bar(len(names)) as bar:
        for decoded in _decode_in_threads(files, names, rules):
            yield decoded
            bar.update()


def _decode_in_threads(
    files: ImageFiles, names: list[str], rules: Rules
) -> Iterator[tuple[np.ndarray | None, Outcome]]:
    """Yields what `decode_each` does; threads are at most a few images ahead."""
    pending: deque[Future] = deque()
    pool = ThreadPoolExecutor(THREADS)
    try:
        for start in range(0, len(names), THREAD_FILES):
            part = names[start : start + THREAD_FILES]
            pending.append(pool.submit(lambda part: list(decode_each(files, part, rules)), part))
            if len(pending) > THREADS:
                yield from pending.popleft().result()
        for future in pending:
            yield from future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _check_memory(files: ImageFiles, count: int, size: tuple[int, int]) -> None:
    """Refuses images that take more memory than there is, although their files may be small."""
    needed, memory = 3 * count * math.prod(size), host_memory()
    if needed > memory:
        raise UserError(
            f"{files.root}: {count:,} images of {size[0]}x{size[1]} pixels are "
            f"{needed / 1e9:.3g} GB in memory, and this machine has {memory / 1e9:.3g} GB; set "
            "config.data.size to a smaller side, or config.data.stream"
        )


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
