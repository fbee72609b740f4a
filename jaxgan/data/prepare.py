"""Prepares a folder or an archive of images: decodes it once, into a set that TFDS opens."""

import contextlib
import dataclasses
import hashlib
import logging
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import tfds_prepared
from jaxgan.data.datasets import SPLITS
from jaxgan.data.decoded_blocks import (
    Block,
    decode_blocks,
    from_png,
    plan_blocks,
    read_outcomes,
)
from jaxgan.data.held_out import is_held_out, select
from jaxgan.data.image_folder import (
    describe_left_out,
    processing_of,
    read_layout,
    usable_files,
)
from jaxgan.data.image_layout import Layout, split_files
from jaxgan.data.image_pixels import COLOURS, rules_of
from jaxgan.data.image_reading import Reading, check_sizes, summarise
from jaxgan.data.recognise import own_name
from jaxgan.data.tfds_download import write_set
from jaxgan.data.tfds_images import VERSION, ImageSet, Records, image_builder
from jaxgan.data.tfds_prepared import UNFINISHED, one_line

logger = logging.getLogger(__name__)
MADE_OF = "made_of"  # the note by which the same command knows its set


class Part(NamedTuple):
    """The image files of a split, in blocks, and the label of each."""

    names: list[str]
    labels: np.ndarray
    blocks: list[Block]


class Plan(NamedTuple):
    """The files of each split, and what is to be done to them."""

    config: DataConfig
    layout: Layout
    parts: dict[str, Part]
    classes: tuple[str, ...]


def prepare_images(config: DataConfig, out: Path) -> Path:
    """Writes the images in config.dir into the folder `out`, as a set that TFDS opens.

    The images are those that config gives of the folder itself. What is decoded is kept in
    `out`, where the same call finds it after a kill; there is a set only once all is written.

    Returns:
      The folder of the set.

    Raises:
      UserError: config.dir holds no images, or some cannot be used, or `out` holds other things, or
        a part of the set.
      OSError: `out` cannot be written.
    """
    root = Path(config.dir)
    if out.resolve().is_relative_to(root.resolve()):
        raise UserError(f"--out {out}: is within {root}, whose images are read; choose another")
    layout = read_layout(config)
    # TFDS takes letters, digits and "_", and a letter first.
    name = re.sub(r"\W", "_", own_name(root))
    folder = out / (name if name[0].isascii() and name[0].isalpha() else f"images_{name}") / VERSION
    work = out / UNFINISHED
    _check_out(out)
    plan = _make_plan(config, layout, work)
    if found := tfds_prepared.prepared_sets(out):
        name, there = next(iter(found.items()))
        tfds_prepared.check_prepared(DataConfig(name, dir=str(there)))
        _check_same(out, there, plan)
        logger.info(f"prepare: {out} holds these images already")
        shutil.rmtree(work, ignore_errors=True)
        return folder
    work.mkdir(parents=True, exist_ok=True)
    with _locked(work), _one_line_errors(work):
        blocks = [block for part in plan.parts.values() for block in part.blocks]
        decode_blocks(layout.files, blocks, rules_of(config))
        _write(plan, work / "set", folder)
        (work / "set" / folder.parent.name).replace(folder.parent)
    shutil.rmtree(work, ignore_errors=True)
    return folder


def _check_out(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: is a file; must be a new or an empty folder")
    prepared = {path.parent for path in tfds_prepared.prepared_sets(out).values()}
    # Hidden files, such as .DS_Store of macOS, are not part of a set. A folder is empty if the
    # version in it was deleted.
    there = (path for path in sorted(out.glob("[!.]*")) if path.is_file() or any(path.iterdir()))
    if others := [path.name for path in there if path not in prepared]:
        raise UserError(f"--out {out}: holds {others[0]!r}; must be a new or an empty folder")


def _make_plan(config: DataConfig, layout: Layout, work: Path) -> Plan:
    rules, files = rules_of(config), layout.files
    parts: dict[str, Part] = {}
    classes: tuple[str, ...] = ()
    for split in filter(layout.folders.__contains__, SPLITS):
        names, labels, classes = split_files(layout, split)
        if rules.size is None and not config.skip_bad:
            check_sizes(files, names)
        parts[split] = Part(names, labels, plan_blocks(files, names, rules, work))
    if odd := [name for name in classes if [name.strip()] != name.splitlines()]:
        raise UserError(
            f"{layout.path('train')}: TFDS cannot keep the name {odd[0]!r} of a class; rename its "
            "folder, without spaces at its ends and line breaks"
        )
    if config.held_out and "test" in parts:
        logger.info(
            f"prepare: held_out = {config.held_out}: has no effect, since {config.dir} has test "
            "images of its own"
        )
    return Plan(config, layout, parts, classes)


def _digest(plan: Plan) -> str:
    """Returns a digest of the files and of all that is done to them."""
    digest = hashlib.sha256(repr((plan.config.held_out, plan.classes)).encode())
    for split, part in plan.parts.items():
        digest.update(repr((split, [block.path.name for block in part.blocks])).encode())
        digest.update(part.labels.tobytes())
    return digest.hexdigest()


def _check_same(out: Path, folder: Path, plan: Plan) -> None:
    notes = tfds_prepared.read_notes(folder)
    # The digest does not tell whether files were left out.
    left_out = any(
        "skipped" in split.get("counts", ()) for split in notes.get("processing", {}).values()
    )
    if notes.get(MADE_OF) != _digest(plan) or (left_out and not plan.config.skip_bad):
        raise UserError(
            f"--out {out}: holds a set that was prepared of other images, or with other settings; "
            f"choose another folder, or delete {folder.parent}"
        )


@contextlib.contextmanager
def _locked(work: Path) -> Iterator[None]:
    """Locks the folder; the operating system releases the lock whenever the process ends."""
    lock = FileLock(work / "lock", fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"--out {work.parent}: another command is preparing it") from None
    # A file system without locks; one that cannot be written says so at the first block.
    except OSError:
        pass
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _one_line_errors(work: Path) -> Iterator[None]:
    """Turns the errors of a damaged block, and those of TFDS, into one line."""
    try:
        yield
    except (UserError, OSError):
        raise
    except (zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"{work}: is damaged ({one_line(error)}); delete it, and repeat") from error
    # TFDS and its dependencies have no common base class of errors.
    except Exception as error:
        raise UserError(
            f"--out {work.parent}: the set cannot be written there ({one_line(error)}); see that "
            "there is room, and repeat the command, which goes on from there"
        ) from error


def _write(plan: Plan, root: Path, folder: Path) -> None:
    """Writes the set below `root`, under the name and version of `folder`."""
    readings = _read_parts(plan)
    channels = readings["train"].channels
    splits = _split(plan, readings)
    notes = {
        MADE_OF: _digest(plan),
        "name": own_name(Path(plan.config.dir)),
        "class_names": list(plan.classes),
        "processing": {
            split: processing_of(plan.config, readings.get(split, readings["train"]))
            for split in splits
        },
    }
    images = ImageSet(folder.parent.name, (*readings["train"].size, channels), plan.classes, notes)
    # An earlier command may have been killed.
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    write_set(image_builder(images, splits, root), root)
    counts = " and ".join(
        f"{np.sum(records.chosen):,} {split}" for split, records in splits.items()
    )
    size = "x".join(map(str, readings["train"].size))
    logger.info(f"prepare: {counts} images of {size}, {COLOURS[channels]}, from {plan.config.dir}")
    if left_out := describe_left_out(plan.layout, *readings.values()):
        logger.info(f"prepare: {left_out}")


def _read_parts(plan: Plan) -> dict[str, Reading]:
    """Returns what the files of each split have in common, which is the same for all splits.

    Raises:
      UserError: files cannot be used, or test images have another size than those of training.
    """
    readings: dict[str, Reading] = {}
    for split, part in plan.parts.items():
        outcomes = [outcome for block in part.blocks for outcome in read_outcomes(block)]
        # Test images are grey or in colour as those of training are.
        channels = readings["train"].channels if readings else plan.config.channels
        reading = summarise(part.names, outcomes, channels)
        readings[split] = reading._replace(channels=channels or reading.channels)
        usable_files(plan.config, plan.layout, reading)
    sizes = {split: "x".join(map(str, reading.size)) for split, reading in readings.items()}
    if len(set(sizes.values())) > 1:
        raise UserError(
            f"{plan.layout.path('test')}: holds images of {sizes['test']}, but those of training "
            f"are {sizes['train']}; must be the same: config.data.size gives image files one size"
        )
    return readings


def _split(plan: Plan, readings: dict[str, Reading]) -> dict[str, Records]:
    """Returns the records of each split that is written."""
    config, channels = plan.config, readings["train"].channels
    splits = {
        split: Records(
            part.blocks,
            part.labels,
            usable_files(config, plan.layout, readings[split]),
            channels,
        )
        for split, part in plan.parts.items()
    }
    if not config.held_out or "test" in splits:
        return splits
    train, source = splits["train"], str(plan.layout.path("train"))
    usable = np.flatnonzero(train.chosen)
    pngs = (png for _, png in train.read())
    held_out = np.fromiter(
        (is_held_out(from_png(png, channels), config.held_out) for png in pngs), bool, len(usable)
    )
    chosen = {}
    for split in SPLITS:
        chosen[split] = np.zeros_like(train.chosen)
        chosen[split][usable[select(held_out, split, config.held_out, source)]] = True
    return {split: dataclasses.replace(train, chosen=chosen[split]) for split in SPLITS}
