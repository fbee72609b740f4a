"""Decodes image files into blocks on the disk, in parallel; a later start finds those that exist.

A block is an uncompressed .zip that holds a PNG of each usable image, and what became of each file.
"""

import contextlib
import functools
import hashlib
import io
import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data.image_files import ImageFiles, list_image_files
from jaxgan.data.image_pixels import MODES, UNREADABLE, Rules, quiet_decoding
from jaxgan.data.image_reading import Outcome, decode_each, reading_bar

logger = logging.getLogger(__name__)
BLOCK_FILES = 256
OUTCOMES = "outcomes.json"
FORMAT = 2  # another one, or another PIL, makes other blocks
TRACKER_WARNINGS = "ignore::UserWarning:multiprocessing.resource_tracker"


class Block(NamedTuple):
    """Some image files, and where they are kept once they are decoded."""

    path: Path
    names: list[str]


def plan_blocks(files: ImageFiles, names: list[str], rules: Rules, folder: Path) -> list[Block]:
    """Returns the blocks that some files make.

    The path of a block tells the rules, and the names, sizes and times of the files. So a block
    that exists is one of the same files, unchanged.
    """
    archive = None if files.root.is_dir() else _stamp(files.root)

    def stamp(name: str) -> tuple[int, int]:
        return archive or _stamp(files.root / name)

    parts = [names[i : i + BLOCK_FILES] for i in range(0, len(names), BLOCK_FILES)]
    return [Block(folder / f"{_digest(rules, part, stamp)}.zip", part) for part in parts]


def decode_blocks(files: ImageFiles, blocks: list[Block], rules: Rules) -> None:
    """Decodes the blocks that are not done yet, on all CPU cores.

    Raises:
      UserError: a process was ended.
      OSError: a block cannot be written.
    """
    total = sum(len(block.names) for block in blocks)
    with reading_bar(total) as bar:
        left = []
        for block in blocks:
            if _is_done(block):
                bar.update(len(block.names))
            else:
                left.append(block)
        decoded = total - sum(len(block.names) for block in left)
        if decoded:
            logger.info(f"prepare: {decoded:,} of {total:,} images were decoded before")
        for block in _decode(files, left, rules):
            bar.update(len(block.names))


def read_outcomes(block: Block) -> list[Outcome]:
    """Returns what became of each file of a block."""
    with zipfile.ZipFile(block.path) as archive:
        outcomes = json.loads(archive.read(OUTCOMES))
    return [Outcome(shape and tuple(shape), *others) for shape, *others in outcomes]


def read_pngs(block: Block, numbers: list[int]) -> Iterator[bytes]:
    """Yields the PNG files of the images with these numbers in a block."""
    with zipfile.ZipFile(block.path) as archive:
        for number in numbers:
            yield archive.read(str(number))


def to_png(pixels: np.ndarray) -> bytes:
    """Returns an image of 1 or 3 channels as the content of a PNG file."""
    import PIL.Image

    file = io.BytesIO()
    PIL.Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(file, "png")
    return file.getvalue()


def from_png(content: bytes, channels: int) -> np.ndarray:
    """Returns the pixels of a PNG file, uint8 (height, width, channels)."""
    import PIL.Image

    with PIL.Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image.convert(MODES[channels]))
        return pixels.reshape(image.height, image.width, channels)


def _digest(rules: Rules, names: list[str], stamp: Callable[[str], tuple[int, int]]) -> str:
    import PIL

    facts = FORMAT, PIL.__version__, tuple(rules), [(name, *stamp(name)) for name in names]
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _stamp(path: Path) -> tuple[int, int]:
    """Returns size and time of a file; zeros if it is not there, which its reader will say."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    return 0, 0


def _is_done(block: Block) -> bool:
    """Returns whether a block is there, whole, and of files that could be read."""
    with contextlib.suppress(OSError, zipfile.BadZipFile, KeyError, ValueError):
        return not any(outcome.reason.startswith(UNREADABLE) for outcome in read_outcomes(block))
    return False


def _decode(files: ImageFiles, blocks: list[Block], rules: Rules) -> Iterator[Block]:
    """Decodes blocks, and yields each when it is done."""
    count = min(len(blocks), os.cpu_count() or 1)
    # To start a process takes longer than to decode a block of small images.
    if count < 2:
        for block in blocks:
            _write_block(files, block, rules)
            yield block
        return
    # Not forked: a copy of a process with threads, as JAX has them, can hang.
    context = multiprocessing.get_context("spawn")
    with _quiet_tracker():
        pool = ProcessPoolExecutor(count, context, initializer=_follow_parent)
    try:
        # Ctrl-C reaches all processes of a terminal, and only the parent is to answer it. Each of
        # the others would answer it with a traceback while it imports.
        with _sigint_blocked():
            started = {pool.submit(_decode_block, files.root, b, rules): b for b in blocks}
        for future in as_completed(started):
            future.result()
            yield started[future]
    except BrokenProcessPool:
        raise UserError(
            f"{files.root}: a process that decodes images was ended, perhaps for want of memory; "
            "repeat the command, which goes on from there"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _quiet_tracker() -> Iterator[None]:
    """Silences the resource tracker of multiprocessing, a process that is started meanwhile.

    It frees the semaphores that a command leaves to it at Ctrl-C, and warns of them as leaked.
    """
    # It gets the options of this interpreter.
    sys.warnoptions.append(TRACKER_WARNINGS)
    try:
        yield
    finally:
        sys.warnoptions.remove(TRACKER_WARNINGS)


@contextlib.contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Blocks Ctrl-C meanwhile, and for ever in the processes that are started meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_parent() -> None:
    """Lets this process end with its parent."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _decode_block(root: Path, block: Block, rules: Rules) -> None:
    _write_block(_files(root), block, rules)


@functools.cache
def _files(root: Path) -> ImageFiles:
    # Listed by each process, since an archive that is open cannot be sent to it.
    return list_image_files(root)


def _write_block(files: ImageFiles, block: Block, rules: Rules) -> None:
    """Writes a block, completely or not at all."""
    new = block.path.with_name(f"{block.path.name}.{os.getpid()}.new")
    outcomes: list[Outcome] = []
    try:
        with open(new, "wb") as file:
            with quiet_decoding(), zipfile.ZipFile(file, "w") as archive:
                for image, outcome in decode_each(files, block.names, rules):
                    if image is not None:
                        archive.writestr(str(len(outcomes)), to_png(image))
                    outcomes.append(outcome)
                archive.writestr(OUTCOMES, json.dumps(outcomes))
            file.flush()
            # Else a power failure may leave the name with none of the content.
            os.fsync(file.fileno())
        os.replace(new, block.path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
