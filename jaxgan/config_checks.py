"""Settings against each other: what is refused, and what is warned of, without any data."""

from typing import TYPE_CHECKING

from jaxgan.network_config import check_network, disc_norm
from jaxgan.parallel_config import check_shards
from jaxgan.settings import UserError

if TYPE_CHECKING:
    from jaxgan.config import Config

LOSSES_WITH_TARGETS = ("non_saturating", "saturating", "least_squares")
OF_GRADIENTS = ("r1", "r2", "wgan_gp", "dragan")  # penalties on the gradient at each image


def check_together(config: "Config") -> None:
    """What single settings allow, and together makes no sense.

    Raises:
      UserError: which, and what they must be.
    """
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
    if config.evaluate.every and config.evaluate.num_samples < config.packing:
        raise UserError(
            f"config.evaluate.num_samples = {config.evaluate.num_samples}: must be at least "
            f"config.packing = {config.packing}"
        )
    if config.train.batch_size % config.packing:
        raise UserError(
            f"config.packing = {config.packing}: must divide config.train.batch_size = "
            f"{config.train.batch_size}"
        )
    _check_in_use(config)
    train = config.train
    check_shards(config.parallel.shards, train.batch_size, config.packing, train.seeds_at_once)


def _check_in_use(config: "Config") -> None:
    """What is set for something that is off would change nothing."""
    augment, schedule = config.augment, config.schedule
    for name, value, what, used in (
        ("augment.target", augment.target, "augment.policy", augment.policy),
        ("schedule.augment", schedule.augment, "augment.policy", augment.policy),
        ("schedule.ema", schedule.ema, "ema.half_life", config.ema.half_life),
        ("schedule.penalty", schedule.penalty, "penalty.*", any(vars(config.penalty).values())),
    ):
        if value and not used:
            raise UserError(f"config.{name} = {value!r}: does nothing without config.{what}")
    if augment.target and augment.probability != 1:
        raise UserError(
            f"config.augment.probability = {augment.probability}: is adapted, from 0 on, with "
            "config.augment.target; leave it at 1"
        )


def unbounded(config: "Config") -> str:
    """A warning where nothing holds the slope of a Wasserstein critic; "" elsewhere."""
    held = any(getattr(config.penalty, name) for name in OF_GRADIENTS)
    held = held or bool(config.optimizer.disc.clip_weights)
    if config.loss != "wasserstein" or held or disc_norm(config.network) == "spectral":
        return ""
    return (
        "config.loss = 'wasserstein': nothing bounds the discriminator's slope, and its logits can "
        "grow without end; set config.penalty.wgan_gp, config.optimizer.disc.clip_weights or, "
        "where the network has it, config.network.disc_norm=spectral"
    )
