"""What a config allows and is likely not meant: a line of warning for each."""

from collections.abc import Iterator

from jaxgan.config import OF_GRADIENTS, Config
from jaxgan.network_config import disc_norm


def doubts(config: Config) -> list[str]:
    """The warnings that a config gives by itself; most give none."""
    return [*_unused(config), *_unbounded(config)]


def _unused(config: Config) -> Iterator[str]:
    """Settings of something that is off, as an override can leave them."""
    augment, schedule = config.augment, config.schedule
    for name, value, what, used in (
        ("augment.target", augment.target, "augment.policy", augment.policy),
        ("schedule.augment", schedule.augment, "augment.policy", augment.policy),
        ("schedule.ema", schedule.ema, "ema.half_life", config.ema.half_life),
        ("schedule.penalty", schedule.penalty, "penalty.*", any(vars(config.penalty).values())),
    ):
        if value and not used:
            yield f"config.{name} = {value!r}: does nothing without config.{what}"
    if augment.policy and not augment.target and not augment.probability:
        yield (
            f"config.augment.policy = {augment.policy!r}: does nothing with "
            "config.augment.probability = 0"
        )
    if augment.policy and augment.target and augment.probability != 1:
        yield (
            f"config.augment.probability = {augment.probability}: does nothing with "
            "config.augment.target, which adapts it from 0 on"
        )


def _unbounded(config: Config) -> Iterator[str]:
    """A Wasserstein critic of which nothing holds the slope."""
    held = any(getattr(config.penalty, name) for name in OF_GRADIENTS)
    held = held or bool(config.optimizer.disc.clip_weights)
    if config.loss != "wasserstein" or held or disc_norm(config.network) == "spectral":
        return
    yield (
        "config.loss = 'wasserstein': nothing bounds the discriminator's slope, and its logits can "
        "grow without end; set config.penalty.wgan_gp, config.optimizer.disc.clip_weights or, "
        "where the network has it, config.network.disc_norm=spectral"
    )
