"""The table of known data sets: what each holds, and where its sources keep it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

PROTOCOL_SAMPLES = 10_000


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """The facts about a data set that are known before it is read.

    Attributes:
      shape: (height, width, channels) of images, (dims,) of points.
      classes: number of classes; labels are 0 to classes - 1.
      examples: number of examples of each split.
      sha256: SHA-256 of each split's canonical array; "" if it is not known.
      stems: the possible beginnings of the names of its IDX files, for each split.
      idx_surplus: whether IDX files may hold more than `examples`; TFDS takes the first ones.
      packaged: the folder of its copy inside this package, or "".
      folders: where operating systems install its IDX files.
      protocol_samples: number of samples that a published protocol scores, or 10,000.
    """

    shape: tuple[int, ...]
    classes: int
    examples: Mapping[str, int]
    sha256: Mapping[str, str]
    stems: Mapping[str, tuple[str, ...]]
    idx_surplus: bool = False
    packaged: str = ""
    folders: tuple[str, ...] = ()
    protocol_samples: int = PROTOCOL_SAMPLES


SPLITS = ("train", "test")
IDX_STEMS = {"train": ("train",), "test": ("t10k", "test")}


UNKNOWN_SHA256 = {"train": "", "test": ""}


def _mnist_like(sha256: Mapping[str, str], **optional: Any) -> DatasetSpec:
    return DatasetSpec((28, 28, 1), 10, _by_split(60_000, 10_000), sha256, IDX_STEMS, **optional)


def _emnist(part: str, classes: int, train: int, test: int) -> DatasetSpec:
    stems = {split: (f"emnist-{part}-{split}",) for split in SPLITS}
    # The images are transposed, as in the published files. They stay so, because the arrays must
    # be equal for every source, and TFDS does not turn them either.
    shape, counts = (28, 28, 1), _by_split(train, test)
    return DatasetSpec(shape, classes, counts, UNKNOWN_SHA256, stems, idx_surplus=True)


def _colour_32(classes: int, train: int, test: int) -> DatasetSpec:
    return DatasetSpec((32, 32, 3), classes, _by_split(train, test), UNKNOWN_SHA256, stems={})


OWN_IMAGES = "images"  # the name of the user's pictures in the shipped configs for these


def _synthetic(shape: tuple[int, ...], classes: int, samples: int, **facts: Any) -> DatasetSpec:
    return DatasetSpec(shape, classes, stems={}, protocol_samples=samples, **facts)


def _mixture(modes: int, *sha256: str) -> DatasetSpec:
    counts = _by_split(100_000, 10_000)
    return _synthetic((2,), modes, 2_500, examples=counts, sha256=_by_split(*sha256))


def _by_split(train: Any, test: Any) -> dict[str, Any]:
    return {"train": train, "test": test}


DATASETS = {
    "mnist": _mnist_like(
        _by_split(
            "91006d8720390df5b306bcf41a85bfbebb101d7859e31dac324bd27c466d58ae",
            "c676cc3ee457a5684a62a47ecd4e70be28fbae26df12bcd094713a5e180b4a53",
        ),
        packaged="mnist",
    ),
    "fashion_mnist": _mnist_like(
        _by_split(
            "144c36c07ca2b58d1fcb3a594560ac88dfff1c83866768f33b3e2c1742016087",
            "e321bd43cb674beadc540459e3de9cb798b97ec1e382c61ed76d5e4d4fc4a23f",
        ),
        folders=("/usr/share/datasets/fashion-mnist",),  # Debian's package dataset-fashion-mnist
    ),
    "kmnist": _mnist_like(UNKNOWN_SHA256),
    "emnist/byclass": _emnist("byclass", 62, 697_932, 116_323),
    "emnist/bymerge": _emnist("bymerge", 47, 697_932, 116_323),
    "emnist/balanced": _emnist("balanced", 47, 112_800, 18_800),
    "emnist/letters": _emnist("letters", 37, 88_800, 14_800),
    "emnist/digits": _emnist("digits", 10, 240_000, 40_000),
    "emnist/mnist": _emnist("mnist", 10, 60_000, 10_000),
    "cifar10": _colour_32(10, 50_000, 10_000),
    "cifar100": _colour_32(100, 50_000, 10_000),
    "svhn_cropped": _colour_32(10, 73_257, 26_032),
    # These hashes also prove that numpy still draws the same examples: a change in its random
    # numbers is an error, and not another data set under the same name.
    "ring": _mixture(
        8,
        "8e88cc333573ee292f833a2d9fc9559dfb4a539063401b2311510821a4dab067",
        "304357f1b9d0d188676f49290489e98a523aa399c34753b8ca88d7eeb44e77cf",
    ),
    "grid": _mixture(
        25,
        "2a8d502f41f6047371250589d700138a6af240a34a4398fc2f0e3176247c2110",
        "1fade751670e66bbff0321baee7c996d5d4902e39ec0eafea53e6b4c6ca9b379",
    ),
    "stacked_mnist": _synthetic(
        (28, 28, 3),
        1000,
        26_000,
        examples=_by_split(128_000, 26_000),
        sha256=_by_split(
            "05033713f38d6c5e31bf337c38dceeaf065ca81dfe035acad7fc248475eca3c5",
            "a0b46f6b26a5d4fa71fc52b01debf1bb8168de3aa3872229105b720eef957871",
        ),
    ),
}


def files_of(name: str) -> str:
    """Returns what the files of a known set are called: IDX files, or image files."""
    idx = name not in DATASETS or DATASETS[name].stems
    return "IDX files" if idx else "image files (train/CLASS/, test/CLASS/)"
