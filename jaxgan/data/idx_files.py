"""Reads IDX files, the format in which MNIST and similar data sets are published."""

import gzip
import io
import math
import zlib
from pathlib import Path

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data.datasets import DATASETS, IDX_STEMS, DatasetSpec
from jaxgan.data.examples import UNLABELLED, DataNotFound, Examples, SplitMissing
from jaxgan.parallel.host_memory import host_memory

MAX_HEADER = 4 + 4 * 4  # bytes: of four axes
REFETCH_HINT = "the file is damaged or incomplete; download or install it again"


def load_idx_folder(config: DataConfig, split: str) -> Examples:
    """Reads the IDX files in config.data.dir, or if that is '' where the system installs them.

    Raises:
      DataNotFound: there is no such folder, or it has none of the set's files.
      SplitMissing: it has files of another split only.
      UserError: a file is damaged, or one of the split's two files is missing, or they do not fit.
    """
    spec = DATASETS.get(config.name)
    # A folder that is named is the one that is read; the system's is not looked at then.
    folders = [config.dir] if config.dir else list(spec.folders if spec else ())
    if not folders:
        raise DataNotFound("config.data.dir is '', so no folder is named")
    if config.dir and not has_split(config, split) and has_split(config, "train"):
        raise SplitMissing(f"{config.dir}: has IDX files of train, but none of {split}")
    reasons = []
    for folder in folders:
        try:
            return read_folder(Path(folder), f"IDX folder {folder}", spec, split)
        except DataNotFound as reason:
            reasons.append(str(reason))
    raise DataNotFound(", ".join(reasons))


def has_split(config: DataConfig, split: str) -> bool:
    """Returns whether config.data.dir has an IDX file of the split."""
    folder, stems = Path(config.dir), _stems(DATASETS.get(config.name), split)
    return any(_find(folder, stems, kind) for kind in ("images", "labels"))


def load_packaged(config: DataConfig, split: str) -> Examples:
    """Reads the copy that is shipped with jaxgan."""
    spec = DATASETS.get(config.name)
    if spec is None or not spec.packaged:
        packaged = ", ".join(name for name, spec in DATASETS.items() if spec.packaged)
        raise DataNotFound(f"jaxgan ships only {packaged}")
    folder = Path(__file__).parent / spec.packaged
    return read_folder(folder, f"packaged {config.name}", spec, split)


def read_folder(folder: Path, source: str, spec: DatasetSpec | None, split: str) -> Examples:
    """Reads the IDX files of one split in a folder; `spec` is None for a user's own data set."""
    stems = _stems(spec, split)
    images_path, labels_path = _find_files(folder, stems, labelled=spec is not None)
    pixels = read_idx(images_path)
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.ndim != 4 or 0 in pixels.shape:
        raise UserError(
            f"{images_path}: holds an array of shape {pixels.shape}; must be "
            "(n, height, width) or (n, height, width, channels), and none of them 0"
        )
    labels = np.full(len(pixels), UNLABELLED) if labels_path is None else read_idx(labels_path)
    if labels.shape != pixels.shape[:1]:
        raise UserError(
            f"{labels_path}: labels of shape {labels.shape} for the {len(pixels)} images of "
            f"{images_path.name}; {REFETCH_HINT}"
        )
    # EMNIST's files hold more examples than TFDS takes; without the cut the sets would differ.
    if spec and spec.idx_surplus and split in spec.examples:
        pixels, labels = pixels[: spec.examples[split]], labels[: spec.examples[split]]
    # Without labels all of them are -1, which gives 0 classes.
    classes = spec.classes if spec else int(labels.max()) + 1
    return Examples(pixels, labels.astype(np.int32), classes, source)


def read_idx(path: Path) -> np.ndarray:
    """Reads the array of unsigned bytes in an IDX file, which may be gzipped."""
    try:
        return parse_idx(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error


def parse_idx(raw: bytes, name: str) -> np.ndarray:
    """Reads the array in the bytes of an IDX file; `name` names the file in errors."""
    if raw[:2] == b"\x1f\x8b":
        raw = _unzip(raw, name)
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or not 1 <= raw[3] <= 4:
        raise UserError(
            f"{name}: begins with {raw[:4].hex(' ') or 'nothing'}, so it is not an IDX file of "
            f"unsigned bytes (00 00 08 and the number of dimensions); {REFETCH_HINT}"
        )
    start = 4 + 4 * raw[3]
    if len(raw) < start:
        raise UserError(f"{name}: ends within its IDX header; {REFETCH_HINT}")
    shape = _sizes(raw)
    # In Python's integers: four sizes of 32 bits from a damaged header can overflow 64 bits.
    size, held = math.prod(shape), len(raw) - start
    if size != held:
        raise UserError(
            f"{name}: {held} bytes of data where its IDX header says {size}; {REFETCH_HINT}"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _stems(spec: DatasetSpec | None, split: str) -> tuple[str, ...]:
    return (spec.stems if spec else IDX_STEMS).get(split, (split,))


def _unzip(raw: bytes, name: str) -> bytes:
    """Unpacks gzip data, up to one byte more than the IDX header at their beginning announces."""
    with gzip.open(io.BytesIO(raw)) as file:
        try:
            header = file.read(MAX_HEADER)
            size = math.prod(_sizes(header)) if len(header) > 3 else 0
            # A few kilobytes of gzip data can stand for gigabytes of zeros.
            if size > (memory := host_memory()):
                raise UserError(
                    f"{name}: its IDX header says {size / 1e9:.3g} GB of data, and this machine "
                    f"has {memory / 1e9:.3g} GB of memory; {REFETCH_HINT}"
                )
            return header + file.read(size + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise UserError(f"{name}: broken gzip data ({error}): {REFETCH_HINT}") from error


def _sizes(raw: bytes) -> list[int]:
    """Returns the sizes of the axes that an IDX header has."""
    count = min(raw[3], (len(raw) - 4) // 4)
    return [int(size) for size in np.frombuffer(raw, ">u4", count, offset=4)]


def _find_files(folder: Path, stems: tuple[str, ...], labelled: bool) -> tuple[Path, Path | None]:
    """Finds the files of images and labels; None if there are no labels and none are needed."""
    images, labels = _find(folder, stems, "images"), _find(folder, stems, "labels")
    if not images and not labels:
        reason = "is a file, not a folder" if folder.exists() else "does not exist"
        has_no = "holds no" if folder.is_dir() else f"{reason}, so it has no"
        raise DataNotFound(f"{folder} {has_no} {stems[0]}-images-idx3-ubyte(.gz)")
    if images and (labels or not labelled):
        return images, labels
    # Half of a set is an error and not "not found": with "auto" another source would be read
    # without a word, although the user has put this one here.
    missing = folder / f"{stems[0]}-{'labels-idx1' if images else 'images-idx3'}-ubyte.gz"
    raise UserError(
        f"{missing}: is missing, but the split's other file is there; put it there, or set "
        "config.data.dir to another folder"
    )


def _find(folder: Path, stems: tuple[str, ...], kind: str) -> Path | None:
    """Finds the file of one kind; published names have - or . before "idx"."""
    suffixes = {"images": ("idx3", "idx4"), "labels": ("idx1",)}[kind]
    candidates = (
        folder / f"{stem}-{kind}{separator}{idx}-ubyte{gz}"
        for stem in stems
        for idx in suffixes
        for separator in "-."
        for gz in ("", ".gz")
    )
    return next((path for path in candidates if path.is_file()), None)
