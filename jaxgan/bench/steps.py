"""The cases that compare a training step with its floor, its products and PyTorch."""

import dataclasses
import importlib.util

import jax

from jaxgan.bench import machine, ours
from jaxgan.bench.floor import floor
from jaxgan.bench.flop import step_flop
from jaxgan.bench.gans import GANS
from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import CaseResult, timed_result
from jaxgan.bench.timing import Variant, reason, time_in_turn
from jaxgan.config.schema import Config
from jaxgan.data import load_data
from jaxgan.gan.state import build_gan

STEPS = {"mlp": 937, "dcgan": 20, "infogan": 20, "r3gan": 20}  # of ours in one call
QUICK_STEPS = {"mlp": 20, "dcgan": 2, "infogan": 2, "r3gan": 2}
PYTORCH_STEPS = 100  # in one call, at most
TORCH_DEVICES = {"cpu": "cpu", "gpu": "cuda"}  # by JAX's name of the platform


def compare_named(name: str, request: BenchRequest) -> CaseResult:
    """Compares a step of one of GANS with what computes the same."""
    config = GANS[name]()
    steps = (QUICK_STEPS if request.quick else STEPS)[config.network.name]
    return compare_steps(config, steps, request)


def compare_steps(config: Config, steps: int, request: BenchRequest) -> CaseResult:
    """Compares a step of a config, which has one of the networks and losses of GANS."""
    pixels = load_data(config.data).pixels
    shape = pixels.shape[1:]
    flop = step_flop(config, build_gan(config, shape), shape)
    variants = {"ours": ours.epoch(config, pixels, steps)}
    if config.network.name == "mlp":
        variants["floor"] = floor(config, pixels, steps)
    variants["products"] = machine.products(flop, request.quick)
    theirs, missing = _pytorch(config, shape, min(steps, PYTORCH_STEPS))
    timings = time_in_turn(variants | theirs, request.rounds)
    result = timed_result("seconds per step", timings, flop_per_step=flop, steps=steps)
    return dataclasses.replace(result, left_out=dict(result.left_out) | missing)


def _pytorch(
    config: Config, shape: tuple[int, ...], steps: int
) -> tuple[dict[str, Variant], dict[str, str]]:
    """Returns PyTorch's variants, or the reason why there are none."""
    platform = jax.devices()[0].platform
    if importlib.util.find_spec("torch") is None:
        return {}, {"pytorch": "the package torch is not installed"}
    if platform not in TORCH_DEVICES:
        return {}, {"pytorch": f"not compared on a {platform}"}
    # An installed PyTorch may fail to load, as for want of a library of the system.
    try:
        from jaxgan.bench.pytorch import variants
    except Exception as error:
        return {}, {"pytorch": reason(error)}
    return variants(config, shape, steps, TORCH_DEVICES[platform]), {}
