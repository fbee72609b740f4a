"""Gives images that are decoded already to TFDS, which writes them as a set."""

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.decoded_blocks import Block, from_png, read_outcomes, read_pngs, to_png
from jaxgan.data.tfds_prepared import DESCRIPTION, NOTES

VERSION = "1.0.0"  # of every set that is written


@dataclasses.dataclass(frozen=True)
class Records:
    """The records of one split.

    Attributes:
      blocks: the decoded files they come from.
      labels: the label of each file.
      chosen: whether each file is one of the records; these must be usable.
      channels: of all images.
    """

    blocks: list[Block]
    labels: np.ndarray
    chosen: np.ndarray
    channels: int

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Yields the index of the file, and the PNG file, of each record."""
        start = 0
        for block in self.blocks:
            numbers = np.flatnonzero(self.chosen[start : start + len(block.names)]).tolist()
            outcomes = read_outcomes(block)
            for number, png in zip(numbers, read_pngs(block, numbers), strict=True):
                shape = outcomes[number].shape
                assert shape is not None
                # In one number of channels, so that every reader of TFDS sees the same shape.
                same = shape[2] == self.channels
                yield start + number, png if same else to_png(from_png(png, self.channels))
            start += len(block.names)


class ImageSet(NamedTuple):
    """A set of images as TFDS describes it.

    Attributes:
      notes: what else is known about it, for `tfds_prepared.read_notes`.
    """

    name: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    notes: dict[str, Any]


def image_builder(images: ImageSet, splits: dict[str, Records], root: Path) -> Any:
    """Returns TFDS's builder of a set, which writes root/name/version."""
    import tensorflow_datasets as tfds

    features = {"image": tfds.features.Image(shape=images.shape, encoding_format="png")}
    if images.classes:
        features["label"] = tfds.features.ClassLabel(names=images.classes)

    def _info(self: Any) -> Any:
        return tfds.core.DatasetInfo(
            builder=self,
            description=DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            metadata=tfds.core.MetadataDict({NOTES: images.notes}),
        )

    def _split_generators(self: Any, dl_manager: Any) -> dict[str, Any]:
        del dl_manager
        return {split: self._generate_examples(records) for split, records in splits.items()}

    def _generate_examples(self: Any, records: Records) -> Iterator[Any]:
        del self
        for index, png in records.read():
            # As a file, since TFDS encodes a numpy array with TensorFlow.
            label = {"label": int(records.labels[index])} if images.classes else {}
            yield index, {"image": io.BytesIO(png), **label}

    base = tfds.core.GeneratorBasedBuilder
    members = {
        "__module__": __name__,
        "name": images.name,
        "VERSION": tfds.core.Version(VERSION),
        "pkg_dir_path": root,  # where TFDS looks for a description
        "_info": _info,
        "_split_generators": _split_generators,
        "_generate_examples": _generate_examples,
    }
    # A registered class would stay in the process.
    cls = type(base)("Images", (base,), members, skip_registration=True)
    return cls(data_dir=root, file_format="array_record")
