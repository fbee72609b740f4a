"""The settings of a run: each declared once, with default, meaning and check."""

import dataclasses
import difflib
from typing import Any

from ml_collections import ConfigDict
from ml_collections.config_dict import FieldReference

from jaxgan.data_config import DataConfig
from jaxgan.network_config import NetworkConfig, check_network, disc_norm
from jaxgan.optimizer_config import AdamConfig, OptimizerConfig, ScheduleConfig
from jaxgan.parallel_config import ParallelConfig, check_shards
from jaxgan.settings import (
    FRACTION,
    NOT_NEGATIVE,
    SEED,
    SEEDS,
    SMALL_FRACTION,
    Seeds,
    UserError,
    at_least,
    build,
    check_setting,
    each_of,
    literal,
    one_of,
    setting,
    walk,
)

__all__ = [
    "AdamConfig",
    "Config",
    "DataConfig",
    "OptimizerConfig",
    "ScheduleConfig",
    "UserError",
    "default_config",
    "from_mapping",
    "override",
    "to_config_dict",
    "walk",
]

# Names that the tables of other modules hold; those import JAX, which reading a config must not.
LOSSES_WITH_TARGETS = ("non_saturating", "saturating", "least_squares")
LOSSES = (
    *LOSSES_WITH_TARGETS,
    "hinge",
    "wasserstein",
    "relativistic",
    "relativistic_average",
)
OF_GRADIENTS = ("r1", "r2", "wgan_gp", "dragan")  # penalties on the gradient at each image
AUGMENTATIONS = ("brightness", "saturation", "contrast", "translation", "cutout", "mirror")


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
    data: DataConfig = DataConfig()  # noqa: RUF009
    network: NetworkConfig = NetworkConfig()  # noqa: RUF009 (frozen)
    loss: str = setting("non_saturating", "objective", one_of(*LOSSES))
    label_smoothing: float = setting(0.0, "off the target of real images", SMALL_FRACTION)
    penalty: PenaltyConfig = PenaltyConfig()
    packing: int = setting(1, "images that D sees as one (PacGAN)", at_least(1))
    augment: AugmentConfig = AugmentConfig()
    optimizer: OptimizerConfig = OptimizerConfig()  # noqa: RUF009
    schedule: ScheduleConfig = ScheduleConfig()  # noqa: RUF009
    train: TrainConfig = TrainConfig()
    ema: EmaConfig = EmaConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    save: SaveConfig = SaveConfig()
    parallel: ParallelConfig = ParallelConfig()  # noqa: RUF009

    def __post_init__(self) -> None:
        for name, field, value in walk(self):
            check_setting(name, field, value)
        _check_together(self)


def _check_together(config: Config) -> None:
    """What single settings allow, and together makes no sense."""
    if config.label_smoothing and config.loss not in LOSSES_WITH_TARGETS:
        raise UserError(
            f"config.label_smoothing = {config.label_smoothing}: the loss {config.loss!r} has no "
            f"targets to smooth; must be 0, or config.loss one of {', '.join(LOSSES_WITH_TARGETS)}"
        )
    if isinstance(config.seeds, int) and config.seed + config.seeds > 2**32:
        raise UserError(
            f"config.seeds = {config.seeds}: from config.seed = {config.seed} on, passes 4294967295"
        )
    check_network(config.network)
    weighted = [name for name in OF_GRADIENTS if getattr(config.penalty, name)]
    if weighted and disc_norm(config.network) == "batch":
        raise UserError(
            f"config.penalty.{weighted[0]} = {getattr(config.penalty, weighted[0])}: is of the "
            "gradient at each image, and the discriminator's batch norm makes a logit depend on "
            "the whole batch; set config.network.disc_norm to none or spectral"
        )
    if config.packing > 1 and config.network.conditional:
        raise UserError(
            f"config.packing = {config.packing}: must be 1 where config.network.conditional is "
            "True: the images of a pack have labels of their own"
        )
    if config.train.batch_size % config.packing:
        raise UserError(
            f"config.packing = {config.packing}: must divide config.train.batch_size = "
            f"{config.train.batch_size}"
        )
    _check_norms_of_one(config)
    train = config.train
    check_shards(config.parallel.shards, train.batch_size, config.packing, train.seeds_at_once)


def _check_norms_of_one(config: Config) -> None:
    """A dense layer's units less their mean over one image are 0, whatever the image."""
    network, count, packing = config.network, config.train.batch_size, config.packing
    of_gen = count == 1 and network.gen_widths
    of_disc = count == packing and network.disc_widths and disc_norm(network) == "batch"
    if network.name == "infogan" and (of_gen or of_disc):
        instead = "gen_widths=()" if of_gen else "disc_norm=none"
        raise UserError(
            f"config.train.batch_size = {count}: infogan's dense layers have batch norm, which "
            f"leaves nothing of one image or pack; must be more than config.packing = {packing}, "
            f"or set config.network.{instead}"
        )


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
    """The same name in another group, or names like it in its own; else all of its own."""
    group, _, last = name.rpartition(".")
    if any(other.startswith(f"{name}.") for other in known):
        group, last = name, ""
    within = [other.removeprefix(f"{group}.") for other in known if other.startswith(f"{group}.")]
    found = [other for other in known if other.rpartition(".")[2] == last]
    found = found or [f"{group}.{other}" for other in difflib.get_close_matches(last, within)]
    if within and not found:
        return f"{group} has: {', '.join(within)}"
    return f"did you mean: {', '.join(found or difflib.get_close_matches(name, known) or known)}"
