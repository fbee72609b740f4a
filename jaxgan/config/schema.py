"""The settings of a run: frozen, hashable dataclasses that check their values."""

import dataclasses

from jaxgan.config.choices import AUGMENTATIONS, LOSSES
from jaxgan.config.errors import UserError
from jaxgan.config.fields import (
    CHANNELS,
    COLOUR,
    DECAY,
    FRACTION,
    NAME,
    NOT_NEGATIVE,
    OWN_WEIGHTS,
    POSITIVE,
    SEED,
    SEEDS,
    SHARDS,
    SIZE,
    SMALL_FRACTION,
    SchedulePoints,
    Seeds,
    Size,
    Weights,
    at_least,
    check_setting,
    choice_of,
    choices_of,
    iter_settings,
    one_of,
    schedule_points,
    setting,
)
from jaxgan.config.network import NetworkConfig
from jaxgan.config.paths import absolute_path


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The examples: which data set, where it is read, how much of it the device holds."""

    name: str = setting(
        "mnist",
        "data set: mnist, fashion_mnist, kmnist, emnist/SPLIT, ring, grid, stacked_mnist, a TFDS "
        "image set, package.module:function of your own, or a name for your own data; images that "
        "are not those of a known name are recorded under the name of their folder",
        NAME,
    )
    source: str = setting(
        "auto",
        "where the data is read from; auto looks what data.dir holds, and without data.dir tries "
        "idx, prepared, packaged and download in this order",
        one_of("auto", "idx", "prepared", "packaged", "download", "folder"),
        # A resumed run compares the SHA-256 of the examples instead of where they were read.
        may_change=True,
    )
    dir: str = setting(
        "",
        "folder or archive (.zip, .tar) of image files, or folder with IDX files or prepared TFDS "
        "sets; '' for none; kept as an absolute path",
        may_change=True,
    )
    # It may change, because the examples of a step do not depend on how they reach the device.
    stream: int = setting(
        0,
        "number of steps whose examples are sent to the device at a time; 0: the whole data set "
        "stays on the device",
        at_least(0),
        may_change=True,
    )
    # The settings below may change, because the SHA-256 is that of their result.
    size: Size = setting(
        0,
        "size of the images: a side, or (height, width); 0: as the files are, all of one size",
        SIZE,
        may_change=True,
    )
    fit: str = setting(
        "cover",
        "how an image of another shape gets this size: cover cuts off what is outside of the "
        "centre, contain adds borders, exact refuses it",
        one_of("cover", "contain", "exact"),
        may_change=True,
    )
    channels: int = setting(
        0,
        "1: grey, 3: colour, 0: grey if all images are grey, and else colour",
        CHANNELS,
        may_change=True,
    )
    background: str = setting(
        "white", "colour behind transparent pixels, and of added borders", COLOUR, may_change=True
    )
    skip_bad: bool = setting(
        False, "whether to go on without image files that cannot be used", may_change=True
    )
    held_out: float = setting(
        0.0,
        "fraction of the images that is held out as the test split, chosen by a hash of their "
        "content, if the data have no test split",
        DECAY,
        may_change=True,
    )

    def __post_init__(self) -> None:
        # A run's record has it absolute, so that `evaluate` and `replay` find it from any folder.
        # A value of another type is refused by `Config`, which names the setting.
        if isinstance(self.dir, str):
            object.__setattr__(self, "dir", absolute_path(self.dir))


@dataclasses.dataclass(frozen=True)
class AdamConfig:
    """The Adam optimizer of one player."""

    learning_rate: float = setting(2e-4, "step size", POSITIVE)
    b1: float = setting(0.9, "decay rate of the first moment", DECAY)
    b2: float = setting(0.999, "decay rate of the second moment", DECAY)
    eps: float = setting(1e-8, "added to the square root of the second moment", POSITIVE)
    clip_norm: float = setting(0.0, "largest norm of the whole gradient; 0: off", NOT_NEGATIVE)
    clip_weights: float = setting(0.0, "largest absolute value of a weight; 0: off", NOT_NEGATIVE)


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """The optimizers of both players."""

    gen: AdamConfig = AdamConfig()
    disc: AdamConfig = AdamConfig()


SHAPES = ("unit", "shape")  # settings of ScheduleConfig that hold for every schedule


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """Schedules over training: (when, value) pairs; () keeps the quantity constant.

    A schedule is constant before its first pair and after its last.
    """

    shape: str = setting("linear", "curve between two pairs", one_of("linear", "cosine"))
    learning_rate: SchedulePoints = setting((), "factor of both learning rates", schedule_points())
    b1: SchedulePoints = setting((), "value of both players' b1", schedule_points(below=1))
    b2: SchedulePoints = setting((), "value of both players' b2", schedule_points(below=1))
    penalty: SchedulePoints = setting((), "factor of every penalty's weight", schedule_points())
    ema: SchedulePoints = setting((), "factor of ema.half_life", schedule_points())
    augment: SchedulePoints = setting((), "factor of augment.probability", schedule_points())
    unit: str = setting(
        "images",
        "what the first numbers of the pairs count: images seen, or fractions of the run from 0 "
        "to 1; with fractions a resumed run cannot be made longer",
        one_of("images", "run"),
    )

    @property
    def points(self) -> dict[str, SchedulePoints]:
        """The pairs of every schedule that has some, by its name."""
        return {name: value for name, value in vars(self).items() if value and name not in SHAPES}

    @property
    def fixes_length(self) -> bool:
        """True if another length of the run would move the schedules."""
        return self.unit == "run" and bool(self.points)


@dataclasses.dataclass(frozen=True)
class ParallelConfig:
    """The use of several devices by one run or by several seeds."""

    # It may change: what differs between numbers of devices is rounding, and with `shards` nothing.
    devices: int = setting(
        1,
        "number of devices that share each batch, or the seeds of a program; 0: all devices",
        at_least(0),
        may_change=True,
    )
    shards: int = setting(
        0,
        "number of parts of a batch, reduced so that the bits are the same on any number of "
        "devices; 0: off",
        SHARDS,
    )


@dataclasses.dataclass(frozen=True)
class PenaltyConfig:
    """The weights of the discriminator's penalties; 0 turns a penalty off."""

    r1: float = setting(0.0, "weight of R1: half the squared gradient at real images", NOT_NEGATIVE)
    r2: float = setting(0.0, "weight of R2: the same at generated images", NOT_NEGATIVE)
    wgan_gp: float = setting(0.0, "weight of the gradient penalty of WGAN-GP", NOT_NEGATIVE)
    dragan: float = setting(0.0, "weight of the gradient penalty of DRAGAN", NOT_NEGATIVE)
    consistency: float = setting(0.0, "weight of consistency when images are shifted", NOT_NEGATIVE)
    lecam: float = setting(0.0, "weight of the LeCam penalty on the logits", NOT_NEGATIVE)
    every: int = setting(
        1,
        "number of steps from one computation of the penalties to the next, which counts that "
        "many times (lazy regularisation)",
        at_least(1),
    )
    own: Weights = setting((), "penalties of your own, each with its weight", OWN_WEIGHTS)

    @property
    def is_on(self) -> bool:
        """True if any penalty has a weight."""
        return any(value for name, value in vars(self).items() if name != "every")


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """Augmentations of the discriminator's images, real and generated (DiffAugment, ADA)."""

    policy: tuple[str, ...] = setting(
        (),
        "augmentations of the discriminator's images, applied in this order; (): none",
        choices_of(*AUGMENTATIONS),
    )
    probability: float = setting(1.0, "probability of each augmentation, for each image", FRACTION)
    target: float = setting(
        0.0,
        "ADA's target for the mean sign of D on real images, by which the probability adapts; "
        "0: the probability is fixed",
        FRACTION,
    )
    adapt_images: int = setting(
        500_000,
        "number of images over which ADA can raise the probability from 0 to 1",
        at_least(1),
    )
    ample_images: int = setting(
        0,
        "number of training images with which ADA starts at probability 0; with a tenth of them "
        "at 0.25, with a hundredth at 0.5. 0: always starts at 0",
        at_least(0),
    )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The length of a run, its batches, and how it is cut into chunks and log rows."""

    epochs: int = setting(50, "passes over the data", at_least(1), may_change=True)
    images: int = setting(
        0,
        "length of the run in images, in place of epochs; the settings that count in epochs, and "
        "rows and chunks per epoch, then count in intervals. 0: epochs are the length",
        at_least(0),
        may_change=True,
    )
    interval_images: int = setting(
        50_000, "length of an interval in images, with train.images", at_least(1)
    )
    batch_size: int = setting(64, "real images per update", at_least(1))
    d_steps: int = setting(1, "discriminator updates per generator update", at_least(1))

    logs_per_epoch: int = setting(10, "rows of metrics.jsonl per epoch", at_least(1))
    chunks_per_epoch: int = setting(
        1,
        "chunks of steps per epoch, after each of which the run is written down and may end; with "
        "more of them Ctrl-C takes effect sooner",
        at_least(1),
        may_change=True,
    )
    max_skipped: int = setting(
        20,
        "number of consecutive steps with a non-finite update after which the run ends as diverged",
        at_least(1),
        may_change=True,
    )
    redraw: int = setting(
        0,
        "number of the random draws with which a run goes on from its newest checkpoint; another "
        "one gives it other draws, as after a divergence; 0: those of the seed",
        SEED,
        may_change=True,
    )
    seeds_at_once: int = setting(
        0,
        "maximum number of seeds in one program; 0: the fastest, which is 1 on a CPU, and "
        "elsewhere all seeds for the network mlp, one per device for the others",
        at_least(0),
    )


@dataclasses.dataclass(frozen=True)
class EmaConfig:
    """The exponential moving average of the generator's weights."""

    half_life: int = setting(
        0,
        "number of images after which a weight counts half in the generator's moving average; "
        "0: no average",
        at_least(0),
    )


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """The short evaluations during training."""

    every: int = setting(0, "epochs between evaluations; 0: none", at_least(0), may_change=True)
    num_samples: int = setting(
        2000,
        "number of images in each set that is compared, or as many as the data have",
        at_least(2),
        may_change=True,
    )
    features: str = setting(
        "",
        "feature net: a name, or package.module:function; '': that of the data set",
        may_change=True,
    )


@dataclasses.dataclass(frozen=True)
class SaveConfig:
    """The intervals at which checkpoints and sample grids are written."""

    every: int = setting(5, "epochs between checkpoints", at_least(1), may_change=True)
    keep: int = setting(3, "newest checkpoints that are kept", at_least(1), may_change=True)
    samples_every: int = setting(
        1, "epochs between sample grids; 0: none", at_least(0), may_change=True
    )


@dataclasses.dataclass(frozen=True)
class LogConfig:
    """The logs of a run for other programs, beside its own files."""

    tensorboard: bool = setting(
        False,
        "whether metrics, sample grids and histograms of the weights are also written for "
        "TensorBoard, in the folder `tensorboard`; needs `jaxgan[tensorboard]`",
        may_change=True,
    )
    wandb: bool = setting(
        False,
        "whether they are also sent to Weights & Biases; needs the package `wandb`",
        may_change=True,
    )


@dataclasses.dataclass(frozen=True)
class Config:
    """All settings of a run. Building one, also by `dataclasses.replace`, checks them all.

    Raises:
      UserError: a value is not allowed, or contradicts another.
    """

    seed: int = setting(0, "seed of every random number of the run", SEED)
    deterministic: bool = setting(True, "same bits each time on a GPU too, at some cost in speed")
    seeds: Seeds = setting(
        0,
        "train several seeds, each as a run: a count starting at `seed`, or a tuple of seeds; "
        "0 or (): a single run. More seeds can be added to a folder later",
        SEEDS,
    )
    start_from: str = setting(
        "",
        "run directory, or checkpoint in one, with whose networks a new run begins; '' for none; "
        "kept as an absolute path",
    )
    start_optimizers: bool = setting(
        False, "take the moments of both optimizers from start_from too, and not only the networks"
    )
    allow_changed_code: bool = setting(
        False,
        "whether to resume although the source file of a part of your own has changed; the record "
        "keeps the change",
        may_change=True,
    )
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()  # noqa: RUF009 (frozen)
    loss: str = setting("non_saturating", "loss of both players", choice_of(*LOSSES))
    label_smoothing: float = setting(0.0, "1 minus D's target for real images", SMALL_FRACTION)
    penalty: PenaltyConfig = PenaltyConfig()
    packing: int = setting(1, "number of images that D sees as one (PacGAN)", at_least(1))
    augment: AugmentConfig = AugmentConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    train: TrainConfig = TrainConfig()
    ema: EmaConfig = EmaConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    save: SaveConfig = SaveConfig()
    log: LogConfig = LogConfig()
    parallel: ParallelConfig = ParallelConfig()

    def __post_init__(self) -> None:
        for name, field, value in iter_settings(self):
            check_setting(name, field, value)
        # The record of a run has it absolute, so that it is the same path from any folder.
        object.__setattr__(self, "start_from", _absolute_start(self.start_from))
        # Not at the top of the file, since `checks` imports this module.
        from jaxgan.config.checks import check_combinations

        check_combinations(self)


def _absolute_start(start_from: str) -> str:
    try:
        return absolute_path(start_from)
    except UserError as error:
        raise UserError(f"config.start_from = {start_from!r}: {error}") from None
