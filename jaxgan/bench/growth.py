"""The cases that show how the cost of the classic GAN grows with its sizes."""

import dataclasses
import functools
from typing import Any

import numpy as np

from jaxgan.bench import ours
from jaxgan.bench.flop import step_flop
from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import CaseResult, timed_result
from jaxgan.bench.timing import Measure, Variant, time_in_turn
from jaxgan.config.schema import Config
from jaxgan.data import load_data
from jaxgan.gan.state import build_gan

STEPS, QUICK_STEPS = 100, 5  # in one call
SEED_STEPS, QUICK_SEED_STEPS = 20, 2
# The first of each is the reference of the ratios.
WIDTHS, QUICK_WIDTHS = (512, 128, 256, 1024, 2048), (512, 128)  # of the widest hidden layer
BATCHES, QUICK_BATCHES = (64, 16, 256, 1024), (64, 16)
EXAMPLES, QUICK_EXAMPLES = (60_000, 1_000, 10_000, 1_000_000), (60_000, 1_000)
SEEDS, QUICK_SEEDS = (1, 8, 64), (1, 8)
IMAGE_SHAPE = (28, 28, 1)
PER_IMAGE = "seconds per image"


def width(request: BenchRequest, config: Config | None = None) -> CaseResult:
    """Times an image against the width of the widest hidden layer; the other has half of it."""
    config = config or Config()
    configs = {}
    for size in QUICK_WIDTHS if request.quick else WIDTHS:
        widths: dict[str, Any] = {"gen_widths": (size // 2, size), "disc_widths": (size, size // 2)}
        network = dataclasses.replace(config.network, **widths)
        configs[str(size)] = dataclasses.replace(config, network=network)
    return _per_image("width of the widest layer", configs, request)


def batch(request: BenchRequest, config: Config | None = None) -> CaseResult:
    """Times an image against the batch size."""
    config = config or Config()
    sizes = QUICK_BATCHES if request.quick else BATCHES
    configs = {
        str(size): dataclasses.replace(
            config, train=dataclasses.replace(config.train, batch_size=size)
        )
        for size in sizes
    }
    return _per_image("batch size", configs, request)


def data(request: BenchRequest, config: Config | None = None) -> CaseResult:
    """Times an image against the number of training images, which are random ones."""
    used, steps = config or Config(), _steps(request)

    def prepare(count: int) -> Measure:
        random = np.random.default_rng(0)
        pixels = random.integers(0, 256, (count, *IMAGE_SHAPE), np.uint8)
        return ours.epoch(used, pixels, steps).prepare()

    amount = steps * used.train.batch_size
    variants = {
        str(count): Variant(functools.partial(prepare, count), amount)
        for count in (QUICK_EXAMPLES if request.quick else EXAMPLES)
    }
    timings = time_in_turn(variants, request.rounds)
    return timed_result(PER_IMAGE, timings, axis="training images", steps=steps)


def seeds(request: BenchRequest, config: Config | None = None) -> CaseResult:
    """Times a step of a seed against the number of seeds in one program."""
    config, pixels = config or Config(), load_data(Config().data).pixels
    steps = QUICK_SEED_STEPS if request.quick else SEED_STEPS
    variants = {}
    for count in QUICK_SEEDS if request.quick else SEEDS:
        one = ours.epoch(config, pixels, steps)
        variants[str(count)] = (
            one if count == 1 else ours.stacked_epoch(config, pixels, steps, count)
        )
    timings = time_in_turn(variants, request.rounds)
    return timed_result(
        "seconds per step and seed", timings, axis="seeds in one program", steps=steps
    )


def _per_image(axis: str, configs: dict[str, Config], request: BenchRequest) -> CaseResult:
    """Times an image of each config on MNIST."""
    steps, pixels = _steps(request), load_data(Config().data).pixels
    variants, flop = {}, {}
    for name, config in configs.items():
        shape = pixels.shape[1:]
        variants[name] = _by_image(ours.epoch(config, pixels, steps), config)
        flop[name] = step_flop(config, build_gan(config, shape), shape) / config.train.batch_size
    timings = time_in_turn(variants, request.rounds)
    return timed_result(PER_IMAGE, timings, axis=axis, flop_per_image=flop, steps=steps)


def _by_image(variant: Variant, config: Config) -> Variant:
    return variant._replace(amount=variant.amount * config.train.batch_size)


def _steps(request: BenchRequest) -> int:
    return QUICK_STEPS if request.quick else STEPS
