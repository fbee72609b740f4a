"""The settings of a run: each declared once, with default, meaning and check."""

import dataclasses
import difflib
from typing import Any

from ml_collections import ConfigDict
from ml_collections.config_dict import FieldReference

from jaxgan.config_checks import LOSSES_WITH_TARGETS, check_together
from jaxgan.data_config import DataConfig
from jaxgan.network_config import NetworkConfig
from jaxgan.parallel_config import ParallelConfig
from jaxgan.settings import (
    DECAY,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    SEEDS,
    SMALL_FRACTION,
    Points,
    Seeds,
    UserError,
    at_least,
    build,
    check_setting,
    each_of,
    literal,
    one_of,
    points,
    setting,
    walk,
)

__all__ = [
    "LOSSES_WITH_TARGETS",
    "Config",
    "DataConfig",
    "UserError",
    "default_config",
    "from_mapping",
    "override",
    "to_config_dict",
    "walk",
]

# Names that the tables of other modules hold; those import JAX, which reading a config must not.
LOSSES = (
    *LOSSES_WITH_TARGETS,
    "hinge",
    "wasserstein",
    "relativistic",
    "relativistic_average",
)
AUGMENTATIONS = ("brightness", "saturation", "contrast", "translation", "cutout", "mirror")


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
        (), "what D's images go through, in this order; () is nothing", each_of(*AUGMENTATIONS)
    )
    probability: float = setting(1.0, "of each, for each image", FRACTION)
    target: float = setting(
        0.0,
        "mean sign of D's verdicts on real images that the probability adapts to; 0: fixed",
        FRACTION,
    )
    adapt_images: int = setting(500_000, "images over which it can go from 0 to 1", at_least(1))


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """Each is (images seen, value) pairs, constant before the first and after the last; () leaves
    the quantity as it is set."""

    shape: str = setting("linear", "of the way between two points", one_of("linear", "cosine"))
    learning_rate: Points = setting((), "factor of both players' learning rates", points())
    b1: Points = setting((), "both players' b1", points(below=1))
    b2: Points = setting((), "both players' b2", points(below=1))
    penalty: Points = setting((), "factor of every penalty's weight", points())
    ema: Points = setting((), "factor of the average's half-life", points())
    augment: Points = setting((), "factor of the augmentations' probability", points())


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
        20, "non-finite updates in a row after which the run stops", at_least(1), may_change=True
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
    data: DataConfig = DataConfig()  # noqa: RUF009
    network: NetworkConfig = NetworkConfig()  # noqa: RUF009 (frozen)
    loss: str = setting("non_saturating", "objective", one_of(*LOSSES))
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
    parallel: ParallelConfig = ParallelConfig()  # noqa: RUF009

    def __post_init__(self) -> None:
        for name, field, value in walk(self):
            check_setting(name, field, value)
        check_together(self)


def default_config() -> ConfigDict:
    """Every setting at its default, locked: a name that is not declared here cannot be set."""
    return to_config_dict(Config())


def to_config_dict(config: Config) -> ConfigDict:
    values = dataclasses.asdict(config)
    values["seeds"] = FieldReference(config.seeds, field_type=object)  # a number or a tuple
    return ConfigDict(values).lock()


def from_mapping(values: dict[str, Any]) -> Config:
    """The checked config of nested plain values, as `ConfigDict.to_dict()` or JSON gives them.

    Raises:
      UserError: a value is of the wrong type or not allowed, or a name is unknown.
    """
    return build(Config, values, "")


def override(values: dict[str, Any], name: str, text: str) -> None:
    """Sets `values["a"]["b"]` from the command line's `a.b` and its text, in place.

    The text is read as the type that the setting has; whether the value is allowed is checked
    when the config is built.

    Raises:
      UserError: there is no such setting; the closest names are listed.
    """
    known = {dotted: field for dotted, field, _ in walk(Config())}
    if name not in known:
        raise UserError(f"unknown setting --config.{name}; {_nearest(name, list(known))}")
    *groups, last = name.split(".")
    for group in groups:
        values = values[group]
    values[last] = text if known[name].type is str else literal(text)


def _nearest(name: str, known: list[str]) -> str:
    """The closest names; those of its group where it has one, all of them where none is close."""
    group = f"{name.rpartition('.')[0]}."
    within = [other.removeprefix(group) for other in known if other.startswith(group)]
    if not within:
        return f"did you mean: {', '.join(difflib.get_close_matches(name, known, n=3) or known)}"
    if close := difflib.get_close_matches(name.removeprefix(group), within, n=3, cutoff=0.7):
        return f"did you mean: {', '.join(group + other for other in close)}"
    return f"{group.removesuffix('.')} has: {', '.join(within)}"
