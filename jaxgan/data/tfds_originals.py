"""Reads the original files of the TFDS sets that jaxgan prepares without TensorFlow.

Each reader downloads the files with TFDS's download manager, which compares them with the checksums
that TFDS has registered. It returns a function that gives the columns of a split: the images, the
labels and, for CIFAR-100, the coarse labels.
"""

import tarfile
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.datasets import IDX_STEMS, SPLITS
from jaxgan.data.idx_files import parse_idx

Columns = tuple[np.ndarray, ...]
SplitReader = Callable[[str], Columns]
COLUMNS = ("image", "label", "coarse_label")  # their names among TFDS's features
CIFAR_URL = "https://www.cs.toronto.edu/~kriz/"
SVHN_URL = "http://ufldl.stanford.edu/housenumbers/"


class Original(NamedTuple):
    """The original files of a set.

    Attributes:
      reader: downloads them; takes TFDS's builder and its download manager.
      url: an address on their server; "" where the builder has it as its URL.
      id_digits: digits of an example's number in its "id", where TFDS's features have one.
    """

    reader: Callable[[Any, Any], SplitReader]
    url: str = ""
    id_digits: int = 5


def read_idx_files(builder: Any, dl_manager: Any) -> SplitReader:
    """Downloads four IDX files: MNIST, Fashion-MNIST, KMNIST."""
    kinds = ("images-idx3", "labels-idx1")
    names = {
        (split, kind): f"{IDX_STEMS[split][0]}-{kind}-ubyte.gz"
        for split in SPLITS
        for kind in kinds
    }
    paths = dl_manager.download({key: builder.URL + name for key, name in names.items()})

    def read(split: str) -> Columns:
        files = [paths[split, kind] for kind in kinds]
        images, labels = (parse_idx(path.read_bytes(), str(path)) for path in files)
        return images, labels

    return read


def read_emnist_zip(builder: Any, dl_manager: Any) -> SplitReader:
    """Downloads one .zip with the IDX files of all six sets of EMNIST."""
    archive, name = dl_manager.download(builder.URL), builder.builder_config.name

    def read(split: str) -> Columns:
        with zipfile.ZipFile(archive) as file:
            members = [
                f"gzip/emnist-{name}-{split}-{kind}-ubyte.gz"
                for kind in ("images-idx3", "labels-idx1")
            ]
            images, labels = (parse_idx(file.read(part), f"{archive}: {part}") for part in members)
        # The files hold more examples than TFDS takes.
        count = getattr(builder.builder_config, f"{split}_examples")
        return images[:count], labels[:count]

    return read


def read_cifar_tar(builder: Any, dl_manager: Any) -> SplitReader:
    """Downloads one .tar.gz with records of labels and planes of red, green and blue."""
    cifar = builder._cifar_info
    archive = dl_manager.download(cifar.url)

    def member(name: str) -> bytes:
        with tarfile.open(archive) as file:
            found = file.extractfile(cifar.prefix + name)
            assert found is not None  # a regular file: the archive's checksum is known
            return found.read()

    # Also what TFDS sets besides the examples: the names of the classes.
    for key, name in zip(cifar.label_keys, cifar.label_files, strict=True):
        builder.info.features[key].names = member(name).decode().split()

    def read(split: str) -> Columns:
        names = cifar.train_files if split == "train" else cifar.test_files
        keys = len(cifar.label_keys)
        stored = np.frombuffer(b"".join(map(member, names)), np.uint8)
        records = stored.reshape(-1, keys + 32 * 32 * 3)
        images = records[:, keys:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        # CIFAR-100 stores the coarse label before the fine one.
        return images, *reversed(records[:, :keys].T)

    return read


def read_svhn_files(builder: Any, dl_manager: Any) -> SplitReader:
    """Downloads one MATLAB file per split, of images in columns; the digit 0 is stored as 10."""
    del builder
    paths = dl_manager.download({split: f"{SVHN_URL}{split}_32x32.mat" for split in SPLITS})

    def read(split: str) -> Columns:
        import scipy.io

        stored = scipy.io.loadmat(paths[split])
        return np.moveaxis(stored["X"], -1, 0), stored["y"].ravel() % 10

    return read


# By the name of TFDS's builder.
ORIGINALS = {
    "mnist": Original(read_idx_files),
    "fashion_mnist": Original(read_idx_files),
    "kmnist": Original(read_idx_files),
    "emnist": Original(read_emnist_zip),
    "cifar10": Original(read_cifar_tar, CIFAR_URL),
    "cifar100": Original(read_cifar_tar, CIFAR_URL),
    "svhn_cropped": Original(read_svhn_files, SVHN_URL, id_digits=6),
}
