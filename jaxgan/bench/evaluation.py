"""The case that times an evaluation during training."""

import dataclasses
import functools

import jax

from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import CaseResult, timed_result
from jaxgan.bench.timing import Measure, Variant, stopwatch, time_in_turn
from jaxgan.config.schema import Config, EvaluateConfig
from jaxgan.data import load_data
from jaxgan.evaluation.periodic import PeriodicEvaluator
from jaxgan.gan.state import build_gan, init_state

COUNTS, QUICK_COUNTS = (2000, 10_000), (200,)  # 2000 is the default of evaluate.num_samples


def evaluation(request: BenchRequest) -> CaseResult:
    """Times all scores of so many images of the classic GAN, generated and real ones."""
    counts = QUICK_COUNTS if request.quick else COUNTS
    variants = {
        f"{count} images": Variant(functools.partial(_prepare, Config(), count)) for count in counts
    }
    return timed_result("seconds", time_in_turn(variants, request.rounds))


def _prepare(config: Config, count: int) -> Measure:
    config = dataclasses.replace(config, evaluate=EvaluateConfig(num_samples=count))
    data = load_data(config.data)
    gan = build_gan(config, data.pixels.shape[1:])
    state = init_state(gan, data.pixels.shape[1:], jax.random.key(config.seed))
    evaluator = PeriodicEvaluator(config, gan, data, jax.device_put(data.pixels))
    return stopwatch(lambda: evaluator.evaluate(state))
