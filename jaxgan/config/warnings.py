"""What a config allows and is likely not meant: a line of warning for each."""

import os
from collections.abc import Iterator

from jaxgan.config.choices import GRADIENT_PENALTIES
from jaxgan.config.jax_env import DETERMINISTIC_FLAG
from jaxgan.config.network import disc_norm
from jaxgan.config.schema import Config


def missing_determinism(deterministic: bool, backend: str) -> str:
    """What is to be said where equal bits are asked for and cannot be promised; "" elsewhere."""
    if (
        not deterministic
        or backend != "gpu"
        or f"{DETERMINISTIC_FLAG}=true" in os.environ.get("XLA_FLAGS", "")
    ):
        return ""
    return (
        "config.deterministic = True: another run of this config on this GPU may have other bits, "
        f"since JAX was started without XLA_FLAGS={DETERMINISTIC_FLAG}=true; set that before "
        "importing jax"
    )


def config_warnings(config: Config, image_shape: tuple[int, ...] = ()) -> list[str]:
    """The warnings that a config gives, with images of this shape; most give none."""
    grey = _of_grey(config) if image_shape[2:] == (1,) else ()
    return [*_unused(config), *_replaced(config), *grey, *_unbounded(config)]


def _unused(config: Config) -> Iterator[str]:
    """Settings of something that is off, as an override can leave them."""
    augment = config.augment
    for name, what, used in (
        ("augment.target", "augment.policy", augment.policy),
        ("augment.probability", "augment.policy", augment.policy),
        ("augment.adapt_images", "augment.target", augment.target),
        ("schedule.augment", "augment.policy", augment.policy),
        ("schedule.ema", "ema.half_life", config.ema.half_life),
        ("schedule.penalty", "penalty.*", any(vars(config.penalty).values())),
    ):
        section, field = name.split(".")
        value, default = (getattr(getattr(of, section), field) for of in (config, Config()))
        if value != default and not used:
            yield f"config.{name} = {value!r}: does nothing without config.{what}"


def _replaced(config: Config) -> Iterator[str]:
    """Settings in whose place others act."""
    augment, clip = config.augment, config.optimizer.disc.clip_weights
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
    if clip and disc_norm(config.network) == "spectral":
        yield (
            f"config.optimizer.disc.clip_weights = {clip}: bounds no slope with "
            "config.network.disc_norm=spectral, which divides every kernel by its norm"
        )


def _of_grey(config: Config) -> Iterator[str]:
    if "saturation" in config.augment.policy:
        yield (
            f"config.augment.policy = {config.augment.policy!r}: saturation does nothing to "
            f"the grey images of {config.data.name}"
        )


def _unbounded(config: Config) -> Iterator[str]:
    """A Wasserstein critic of which nothing holds the slope."""
    held = any(getattr(config.penalty, name) for name in GRADIENT_PENALTIES)
    held = held or bool(config.optimizer.disc.clip_weights)
    if config.loss != "wasserstein" or held or disc_norm(config.network) == "spectral":
        return
    yield (
        "config.loss = 'wasserstein': nothing bounds the discriminator's slope, and its logits can "
        "grow without end; set config.penalty.wgan_gp, config.optimizer.disc.clip_weights or, "
        "where the network has it, config.network.disc_norm=spectral"
    )


def slow_precision(config: Config, backend: str) -> str:
    """What is to be said where the precision costs time in place of saving it; "" elsewhere."""
    if config.network.precision != "bfloat16" or backend != "cpu":
        return ""
    return (
        "config.network.precision = 'bfloat16': takes longer than float32 on a CPU; it is for GPUs "
        "of compute capability 8.0 and TPUs"
    )
