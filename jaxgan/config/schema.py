"""The settings of the data: what they are, where they come from, and how much of them the device
holds."""

import dataclasses

from jaxgan.config.choices import AUGMENTATION_NAMES, LOSS_NAMES
from jaxgan.config.fields import (
    DECAY,
    FRACTION,
    NAME,
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    SEEDS,
    SMALL_FRACTION,
    Check,
    SchedulePoints,
    Seeds,
    at_least,
    check_setting,
    each_of,
    iter_settings,
    one_of,
    points,
    setting,
)
from jaxgan.config.network import NetworkConfig


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


@dataclasses.dataclass(frozen=True)
class AdamConfig:
    learning_rate: float = setting(2e-4, "step size", POSITIVE)
    b1: float = setting(0.9, "decay of the first moment", DECAY)
    b2: float = setting(0.999, "decay of the second moment", DECAY)
    eps: float = setting(1e-8, "added to the root of the second moment", POSITIVE)
    clip_norm: float = setting(0.0, "largest norm of the whole gradient; 0: off", NOT_NEGATIVE)
    clip_weights: float = setting(0.0, "largest size of a weight; 0: off", NOT_NEGATIVE)


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    gen: AdamConfig = AdamConfig()
    disc: AdamConfig = AdamConfig()


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """Each is (images seen, value) pairs, constant before the first and after the last; () leaves
    the quantity as it is set."""

    shape: str = setting("linear", "of the way between two points", one_of("linear", "cosine"))
    learning_rate: SchedulePoints = setting((), "factor of both players' learning rates", points())
    b1: SchedulePoints = setting((), "both players' b1", points(below=1))
    b2: SchedulePoints = setting((), "both players' b2", points(below=1))
    penalty: SchedulePoints = setting((), "factor of every penalty's weight", points())
    ema: SchedulePoints = setting((), "factor of the average's half-life", points())
    augment: SchedulePoints = setting((), "factor of the augmentations' probability", points())


SHARDS = Check("0 or a power of two", lambda value: value >= 0 and not value & (value - 1))


@dataclasses.dataclass(frozen=True)
class ParallelConfig:
    devices: int = setting(
        1,
        "devices that share a batch, or the seeds of one program; 0: all there are",
        at_least(0),
        may_change=True,
    )
    shards: int = setting(
        0, "parts of a batch that give the same bits on any number of devices; 0: off", SHARDS
    )


@dataclasses.dataclass(frozen=True)
class PenaltyConfig:
    r1: float = setting(0.0, "weight of R1, half the squared gradient at real images", NOT_NEGATIVE)
    r2: float = setting(0.0, "weight of R2, the same at generated images", NOT_NEGATIVE)
    wgan_gp: float = setting(0.0, "weight of WGAN's gradient penalty", NOT_NEGATIVE)
    dragan: float = setting(0.0, "weight of DRAGAN's gradient penalty", NOT_NEGATIVE)
    consistency: float = setting(0.0, "weight of equal logits for shifted images", NOT_NEGATIVE)
    lecam: float = setting(0.0, "weight of LeCam's penalty on logits", NOT_NEGATIVE)


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    policy: tuple[str, ...] = setting(
        (), "what D's images go through, in this order; () is nothing", each_of(*AUGMENTATION_NAMES)
    )
    probability: float = setting(1.0, "of each, for each image", FRACTION)
    target: float = setting(
        0.0,
        "mean sign of D's verdicts on real images that the probability adapts to; 0: fixed",
        FRACTION,
    )
    adapt_images: int = setting(500_000, "images over which it can go from 0 to 1", at_least(1))


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    epochs: int = setting(50, "passes over the data", at_least(1), may_change=True)
    batch_size: int = setting(64, "real images per update", at_least(1))
    d_steps: int = setting(1, "discriminator updates per generator update", at_least(1))
    logs_per_epoch: int = setting(10, "rows of metrics.jsonl per epoch", at_least(1))
    chunks_per_epoch: int = setting(
        1, "device calls per epoch; more make Ctrl-C answer sooner", at_least(1), may_change=True
    )
    max_skipped: int = setting(
        20, "steps in a row with a non-finite update that end the run", at_least(1), may_change=True
    )
    seeds_at_once: int = setting(
        0, "runs in one program; 0: 1 on CPU, else all of an mlp, 1 a device of others", at_least(0)
    )


@dataclasses.dataclass(frozen=True)
class EmaConfig:
    half_life: int = setting(
        0, "images after which a weight counts half in the generator's average; 0: off", at_least(0)
    )


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Of the light evaluation during training."""

    every: int = setting(0, "epochs between evaluations; 0: off", at_least(0), may_change=True)
    num_samples: int = setting(2000, "images in each set", at_least(2), may_change=True)
    features: str = setting(
        "", "feature net, or package.module:function; '' for the data set's own", may_change=True
    )


@dataclasses.dataclass(frozen=True)
class SaveConfig:
    every: int = setting(5, "epochs between checkpoints", at_least(1), may_change=True)
    keep: int = setting(3, "newest checkpoints kept", at_least(1), may_change=True)
    samples_every: int = setting(
        1, "epochs between sample grids; 0: off", at_least(0), may_change=True
    )


@dataclasses.dataclass(frozen=True)
class Config:
    seed: int = setting(0, "root of every random draw", SEED)
    deterministic: bool = setting(True, "equal bits each time on a GPU too, at some cost in speed")
    seeds: Seeds = setting(0, "a run each: so many from `seed` on, or these; 0 or (): one", SEEDS)
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()  # noqa: RUF009 (frozen)
    loss: str = setting("non_saturating", "objective", one_of(*LOSS_NAMES))
    label_smoothing: float = setting(0.0, "off the target of real images", SMALL_FRACTION)
    penalty: PenaltyConfig = PenaltyConfig()
    packing: int = setting(1, "images that D sees as one (PacGAN)", at_least(1))
    augment: AugmentConfig = AugmentConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    train: TrainConfig = TrainConfig()
    ema: EmaConfig = EmaConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    save: SaveConfig = SaveConfig()
    parallel: ParallelConfig = ParallelConfig()

    def __post_init__(self) -> None:
        for name, field, value in iter_settings(self):
            check_setting(name, field, value)
        from jaxgan.config.checks import check_together  # it needs this module

        check_together(self)
