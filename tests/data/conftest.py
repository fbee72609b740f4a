"""Tiny data sets that stand in for the real ones, and no way to the network."""

import dataclasses
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import requests

from jaxgan.data import DATASETS

SIZES = {"train": 40, "test": 12}


def idx_of(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write(folder, split, images, labels, suffix=".gz", dot="-") -> Path:
    """Writes the IDX files of one split; `labels` may be None."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = {"train": "train", "test": "t10k"}.get(split, split)
    for kind, array in ((f"images{dot}idx3", images), (f"labels{dot}idx1", labels)):
        if array is not None:
            raw = idx_of(array)
            path = folder / f"{stem}-{kind}-ubyte{suffix}"
            path.write_bytes(gzip.compress(raw, mtime=0) if suffix == ".gz" else raw)
    return folder


@pytest.fixture(autouse=True)
def isolated(tmp_path, monkeypatch):
    """TFDS's default folder is an empty one, and nothing answers on the network."""

    def unreachable(*args, **kwargs):
        raise requests.ConnectionError("no network in tests")

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds_default"))
    monkeypatch.setattr(requests, "head", unreachable)
    monkeypatch.setattr(requests.Session, "request", unreachable)
    for name, spec in DATASETS.items():
        monkeypatch.setitem(DATASETS, name, dataclasses.replace(spec, folders=()))


@pytest.fixture(scope="session")
def arrays():
    """(images, labels) of each split of the tiny set, with repeated images."""
    rng = np.random.default_rng(0)
    splits = {}
    for split, size in SIZES.items():
        images = rng.integers(0, 256, (size, 28, 28), np.uint8)
        labels = rng.integers(0, 10, size).astype(np.uint8)
        images[:, -1] = 0  # rows that end in NULs
        images[1], labels[:2] = images[0], (7, 3)  # one image under two labels
        images[2], labels[2] = images[0], 7  # one example twice
        splits[split] = images, labels
    return splits


@pytest.fixture
def tiny(monkeypatch):
    """Says that mnist, fashion_mnist and kmnist are as small as the tiny set."""
    for name in ("mnist", "fashion_mnist", "kmnist"):
        spec = dataclasses.replace(DATASETS[name], examples=SIZES, sha256={}, packaged="")
        monkeypatch.setitem(DATASETS, name, spec)


@pytest.fixture
def idx_folder(tmp_path, arrays):
    for split, (images, labels) in arrays.items():
        write(tmp_path / "idx", split, images, labels)
    return tmp_path / "idx"


@pytest.fixture(scope="session")
def write_split():
    return write


@pytest.fixture(scope="session")
def idx_bytes():
    return idx_of
