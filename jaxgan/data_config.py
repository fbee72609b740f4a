"""The settings of the data: what they are, where they come from, and how much of them the device
holds."""

import dataclasses

from jaxgan.settings import NAME, at_least, one_of, setting


@dataclasses.dataclass(frozen=True)
class DataConfig:
    name: str = setting(
        "mnist",
        "mnist, fashion_mnist, kmnist, emnist/SPLIT, ring, grid, stacked_mnist, a TFDS image set",
        NAME,
    )
    source: str = setting(
        "auto",
        "where the data comes from; auto tries the others, less folder, in this order",
        one_of("auto", "idx", "prepared", "packaged", "download", "folder"),
        may_change=True,  # the array's SHA-256 is compared instead
    )
    dir: str = setting(
        "", "folder of IDX or image files, or TFDS's data_dir; '' for none", may_change=True
    )
    stream: int = setting(
        0,
        "steps whose examples are sent to the device at a time; 0: all the data stay on it",
        at_least(0),
        may_change=True,
    )
