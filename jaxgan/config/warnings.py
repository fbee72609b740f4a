"""Warnings about configs that are valid but probably mistaken: one line of text for each."""

import math
import os
from collections.abc import Iterator

from jaxgan.config.choices import GRADIENT_PENALTIES, network_spec
from jaxgan.config.jax_env import DETERMINISTIC_FLAG
from jaxgan.config.network import disc_norm
from jaxgan.config.schema import Config

FEW_STEPS = 10  # in an epoch; there are ten rows of metrics per epoch


def config_warnings(
    config: Config,
    *,
    backend: str = "",
    image_shape: tuple[int, ...] = (),
    examples: int = 0,
    images: int = 0,
    ema_halvings: float = math.inf,
) -> list[str]:
    """Returns every warning about a config; most configs have none.

    A warning that depends on a fact which is not given is left out.

    Args:
      backend: JAX's name of the backend that trains: "cpu", "gpu" or "tpu".
      image_shape: (height, width, channels) of the data.
      examples: number of examples in the data.
      images: number of images that the run trains on, repetitions included.
      ema_halvings: how often the weight of the first parameters in the generator's average is
        halved by the end of the run.
    """
    return [
        *_settings_without_effect(config),
        *_settings_overruled(config),
        *_saturation_of_grey_images(config, image_shape),
        *_schedule_within_an_image(config),
        *_few_steps(config, examples),
        *_batch_norm_of_one(config),
        *_unbounded_critic(config),
        *_average_longer_than_run(config, images, ema_halvings),
        *_missing_determinism(config, backend),
        *_slow_precision(config, backend),
    ]


def _settings_without_effect(config: Config) -> Iterator[str]:
    """Warns of settings of a feature that is off."""
    # A warning and not an error: an override that turns a feature off leaves the file's settings
    # of that feature as they are.
    augment = config.augment
    for name, needed, is_on in (
        ("augment.target", "augment.policy", augment.policy),
        ("augment.probability", "augment.policy", augment.policy),
        ("augment.adapt_images", "augment.target", augment.target),
        ("augment.ample_images", "augment.target", augment.target),
        ("train.interval_images", "train.images", config.train.images),
        ("schedule.augment", "augment.policy", augment.policy),
        ("schedule.ema", "ema.half_life", config.ema.half_life),
        ("schedule.penalty", "penalty.*", config.penalty.is_on),
        ("penalty.every", "penalty.*", config.penalty.is_on),
    ):
        group, field = name.split(".")
        value, default = (getattr(getattr(c, group), field) for c in (config, Config()))
        if value != default and not is_on:
            yield f"config.{name} = {value!r}: has no effect without config.{needed}"


def _settings_overruled(config: Config) -> Iterator[str]:
    train = config.train
    if config.start_optimizers and not config.start_from:
        yield "config.start_optimizers = True: has no effect without config.start_from"
    if train.images and train.epochs != Config().train.epochs:
        without = "has no effect with config.train.images, which is the length of the run"
        yield f"config.train.epochs = {train.epochs}: {without}"
    augment, clip = config.augment, config.optimizer.disc.clip_weights
    if augment.policy and not augment.target and not augment.probability:
        without = "has no effect with config.augment.probability = 0"
        yield f"config.augment.policy = {augment.policy!r}: {without}"
    if augment.policy and augment.target and augment.probability != 1:
        yield (
            f"config.augment.probability = {augment.probability}: has no effect with "
            "config.augment.target, which adapts the probability"
        )
    if clip and disc_norm(config.network) == "spectral":
        yield (
            f"config.optimizer.disc.clip_weights = {clip}: does not bound the discriminator's "
            "slope with config.network.disc_norm=spectral, which divides every kernel by its norm"
        )


def _saturation_of_grey_images(config: Config, image_shape: tuple[int, ...]) -> Iterator[str]:
    if image_shape[2:] == (1,) and "saturation" in config.augment.policy:
        without = f"saturation has no effect on the grey images of {config.data.name}"
        yield f"config.augment.policy = {config.augment.policy!r}: {without}"


def _schedule_within_an_image(config: Config) -> Iterator[str]:
    for name, points in config.schedule.points.items():
        if config.schedule.unit == "images" and 0 < points[-1][0] <= 1:
            yield (
                f"config.schedule.{name} = {points!r}: ends at the first image; "
                "config.schedule.unit=run takes fractions of the run"
            )


def _few_steps(config: Config, examples: int) -> Iterator[str]:
    """Warns of a set that is small for its batches."""
    per_step = config.train.batch_size * config.train.d_steps
    steps, left_out = divmod(examples, per_step)
    if not 0 < steps < FEW_STEPS:
        return
    # The length in images says how many steps there are, so only what is left out is news.
    if config.train.images and not left_out:
        return
    text = f"an epoch of the {examples} examples is {steps} step{'s' * (steps > 1)} of {per_step}"
    if left_out:
        text += f" and leaves out {left_out}, others each time"
    if config.train.images:
        # Each is left out equally often, so nothing is lost in a run of many epochs.
        yield f"config.train.batch_size = {config.train.batch_size}: {text}"
    else:
        total = steps * config.train.epochs
        yield (
            f"config.train.epochs = {config.train.epochs}: the run has only {total} steps, since "
            f"{text}; config.train.images sets the length, and when grids, rows and checkpoints "
            "come, in images"
        )


def _batch_norm_of_one(config: Config) -> Iterator[str]:
    batch_size, packing = config.train.batch_size, config.packing
    in_gen = batch_size == 1 and network_spec(config.network.name).gen_batch_norm
    in_disc = batch_size == packing and disc_norm(config.network) == "batch"
    if in_gen or in_disc:
        player, single = ("G", "image") if in_gen else ("D", "image" if packing == 1 else "pack")
        yield (
            f"config.train.batch_size = {batch_size}: the batch norm of {player} takes its mean "
            f"and variance from a single {single}, which removes the brightness and contrast of "
            "each map; samples are drawn with averages over many batches and look different"
        )


def _unbounded_critic(config: Config) -> Iterator[str]:
    # The Wasserstein loss is defined for critics of bounded slope; any of these bounds it.
    bounds = [config.optimizer.disc.clip_weights, disc_norm(config.network) == "spectral"]
    bounds += [getattr(config.penalty, name) for name in GRADIENT_PENALTIES]
    if config.loss == "wasserstein" and not any(bounds):
        yield (
            "config.loss = 'wasserstein': nothing bounds the discriminator's slope, so its logits "
            "can grow without limit; set config.penalty.wgan_gp, "
            "config.optimizer.disc.clip_weights or, if the network has it, "
            "config.network.disc_norm=spectral"
        )


def _average_longer_than_run(config: Config, images: int, ema_halvings: float) -> Iterator[str]:
    if config.ema.half_life and ema_halvings < 1:
        scaled = ", scaled by config.schedule.ema" if config.schedule.ema else ""
        yield (
            f"config.ema.half_life = {config.ema.half_life}{scaled}: is too long for the run's "
            f"{images} images; the first weights are {0.5**ema_halvings:.0%} of the average at "
            "its end"
        )


def _missing_determinism(config: Config, backend: str) -> Iterator[str]:
    flag_is_set = f"{DETERMINISTIC_FLAG}=true" in os.environ.get("XLA_FLAGS", "")
    if config.deterministic and backend == "gpu" and not flag_is_set:
        yield (
            "config.deterministic = True: another run of this config on this GPU may have other "
            f"bits, since JAX was started without XLA_FLAGS={DETERMINISTIC_FLAG}=true; set that "
            "before importing jax"
        )


def _slow_precision(config: Config, backend: str) -> Iterator[str]:
    if config.network.precision == "bfloat16" and backend == "cpu":
        yield (
            "config.network.precision = 'bfloat16': is slower than float32 on a CPU; it is for "
            "GPUs of compute capability 8.0 or higher and for TPUs"
        )
