"""Examples as a source gives them, the checks they must pass, and their canonical order."""

import hashlib
from typing import NamedTuple

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data.datasets import DATASETS, DatasetSpec
from jaxgan.data.lazy_array import Array, LazyArray, blocks

UNLABELLED = -1
FIX_HINT = (
    "point config.data.dir at the right folder, or choose another config.data.source, "
    "or set config.data.source=idx with a name of your own for data of your own"
)


class DataNotFound(Exception):
    """A source does not have the data set. Its text says why; another source may have it."""


class Examples(NamedTuple):
    """One split, in the order of its source."""

    pixels: Array  # uint8 (n, height, width, channels), or float32 (n, dims): points
    labels: np.ndarray  # int32 (n,), all UNLABELLED where a set has none
    classes: int  # 0 where the set has no labels
    source: str  # in words, for the run's record and for errors


def canonical_order(examples: Examples) -> Examples:
    """The same examples in the order of a digest of each one's pixels and label.

    The order does not depend on the order given: examples with equal digests are identical.
    As a digest is as good as random, the first k examples are a fair sample of the set.
    """
    labels = np.ascontiguousarray(examples.labels, "<i4")
    rows = (row for block in blocks(examples.pixels) for row in block.reshape(len(block), -1))
    digests = [
        hashlib.blake2b(row.data, digest_size=16, key=label.tobytes()).digest()
        for row, label in zip(rows, labels, strict=True)
    ]
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__), np.intp)
    pixels = examples.pixels
    ordered = pixels.in_order(order) if isinstance(pixels, LazyArray) else pixels[order]
    return examples._replace(pixels=ordered, labels=labels[order].astype(np.int32))


def examples_sha256(examples: Examples) -> str:
    """SHA-256 of the shape, the pixels and the labels."""
    digest = hashlib.sha256(repr(tuple(map(int, examples.pixels.shape))).encode())
    for block in blocks(examples.pixels):
        digest.update(block.data)
    digest.update(np.ascontiguousarray(examples.labels, "<i4").data)
    return digest.hexdigest()


def check_examples(examples: Examples, name: str, spec: DatasetSpec, split: str) -> None:
    """Raises UserError where a known set's examples cannot be what was asked for."""
    found = None
    if examples.pixels.shape[1:] != spec.shape:
        found = f"images of shape {examples.pixels.shape[1:]}, and {name} has {spec.shape}"
    elif len(examples.pixels) != spec.examples.get(split, len(examples.pixels)):
        found = f"{len(examples.pixels)} examples, and {name} {split} has {spec.examples[split]}"
    elif not np.all((examples.labels >= 0) & (examples.labels < spec.classes)):
        low, high = examples.labels.min(), examples.labels.max()
        found = f"labels from {low} to {high}, and {name} has 0 to {spec.classes - 1}"
    if found:
        raise UserError(f"config.data.name = {name!r}: {examples.source} holds {found}; {FIX_HINT}")


def check_sha256(sha256: str, source: str, name: str, split: str) -> None:
    """Raises UserError where the SHA-256 is known and is another, or is that of another set."""
    known = DATASETS[name].sha256.get(split, "")
    owners = [
        (other, part)
        for other, spec in DATASETS.items()
        for part, value in spec.sha256.items()
        if value and value == sha256
    ]
    if sha256 == known or (not known and not owners):
        return
    found = f"{owners[0][0]} {owners[0][1]}" if owners else f"other data (SHA-256 {sha256[:16]}...)"
    raise UserError(
        f"config.data.name = {name!r}: {source} holds {found}, not {name} {split}; {FIX_HINT}"
    )
