"""Examples as read from a source: their checks, their canonical order and its SHA-256."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data.datasets import DATASETS, DatasetSpec
from jaxgan.data.lazy_array import Array, LazyArray, blocks

UNLABELLED = -1
FIX_HINT = (
    "point config.data.dir at the right folder, or choose another config.data.source, "
    "or for data of your own set config.data.name to a name of your own"
)


class DataNotFound(Exception):
    """A source does not have the data set; the text says why. Another source may have it."""


class SplitMissing(UserError):
    """The data have no such split."""


class Examples(NamedTuple):
    """One split of a data set, in the order of its source."""

    pixels: Array  # uint8 (n, height, width, channels), or float32 (n, dims) for points
    labels: np.ndarray  # int32 (n,), all UNLABELLED if the set has no labels
    classes: int  # 0 if the set has no labels
    source: str  # a description for the run's record and for errors
    class_names: tuple[str, ...] = ()  # () if they are only numbers
    processing: Mapping[str, Any] = {}  # what was done to the pixels, for the run's record
    left_out: str = ""  # what the source holds and is not in the examples
    digests: list[bytes] | None = None  # `example_digest` of each, if its source knows them


def canonical_order(examples: Examples) -> Examples:
    """Returns the examples sorted by a digest of each one's pixels and label.

    The result does not depend on the order of the source: examples with equal digests are
    identical. Digests behave like random numbers, so the first k examples are a fair sample.
    """
    digests, labels = examples.digests, examples.labels
    if digests is None:
        rows = (row for block in blocks(examples.pixels) for row in block)
        digests = list(map(example_digest, rows, labels.tolist()))
    # Digests are compared as bytes and the labels are little-endian: no order of a machine counts.
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__), np.intp)
    pixels = examples.pixels
    ordered = pixels.take(order) if isinstance(pixels, LazyArray) else pixels[order]
    labels = np.ascontiguousarray(labels[order], np.int32)
    return examples._replace(pixels=ordered, labels=labels, digests=None)


def example_digest(pixels: np.ndarray, label: int) -> bytes:
    """Returns the digest by which `canonical_order` sorts an example."""
    # The label is the key, so that equal images with different labels have different digests.
    key = label.to_bytes(4, "little", signed=True)
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16, key=key).digest()


def examples_sha256(examples: Examples) -> str:
    """Returns the SHA-256 of the shape, the pixels and the labels."""
    # The shape goes in first: arrays of different shapes can have the same bytes.
    digest = hashlib.sha256(repr(tuple(map(int, examples.pixels.shape))).encode())
    for block in blocks(examples.pixels):
        digest.update(block.data)
    digest.update(np.ascontiguousarray(examples.labels, "<i4").data)
    return digest.hexdigest()


def check_examples(examples: Examples, name: str, spec: DatasetSpec, split: str) -> None:
    """Raises UserError if the examples cannot be those of the known set."""
    content = ""
    if examples.pixels.shape[1:] != spec.shape:
        content = f"images of shape {examples.pixels.shape[1:]}, but {name} has {spec.shape}"
    elif len(examples.pixels) != spec.examples.get(split, len(examples.pixels)):
        content = f"{len(examples.pixels)} examples, but {name} {split} has {spec.examples[split]}"
    elif not np.all((examples.labels >= 0) & (examples.labels < spec.classes)):
        low, high = examples.labels.min(), examples.labels.max()
        content = f"labels from {low} to {high}, but {name} has 0 to {spec.classes - 1}"
    if content:
        raise UserError(
            f"config.data.name = {name!r}: {examples.source} holds {content}; {FIX_HINT}"
        )


def check_sha256(sha256: str, source: str, name: str, split: str) -> None:
    """Raises UserError if the SHA-256 is not that of the set, or is that of another one."""
    known = DATASETS[name].sha256.get(split, "")
    # A set without a known hash (KMNIST, EMNIST) is still refused if its content is another set's.
    owners = [
        f"{other} {part}"
        for other, spec in DATASETS.items()
        for part, value in spec.sha256.items()
        if value == sha256
    ]
    if sha256 == known or (not known and not owners):
        return
    content = owners[0] if owners else f"other data (SHA-256 {sha256[:16]}...)"
    raise UserError(
        f"config.data.name = {name!r}: {source} holds {content}, not {name} {split}; {FIX_HINT}"
    )
