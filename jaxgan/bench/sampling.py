"""The case that times the generation of images."""

import jax

from jaxgan.bench.gans import GANS
from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import CaseResult, timed_result
from jaxgan.bench.timing import Measure, Variant, stopwatch, time_in_turn
from jaxgan.config.schema import Config
from jaxgan.gan.sampling import generate_pixels, latents_of_seed
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import build_gan, init_state

IMAGES, QUICK_IMAGES = 4096, 64
IMAGE_SHAPE = (28, 28, 1)


def sampling(request: BenchRequest, gans: dict[str, Config] | None = None) -> CaseResult:
    """Times images from latents to pixels, as `sample` generates them."""
    count = QUICK_IMAGES if request.quick else IMAGES
    configs = gans or {name: config() for name, config in GANS.items()}
    variants = {name: _images(config, count) for name, config in configs.items()}
    timings = time_in_turn(variants, request.rounds)
    return timed_result("seconds per image", timings, images=count)


def _images(config: Config, count: int) -> Variant:
    def prepare() -> Measure:
        gan = build_gan(config, IMAGE_SHAPE)
        state = init_state(gan, IMAGE_SHAPE, jax.random.key(config.seed))
        variables, z = inference_variables(gan, state), latents_of_seed(gan, count, 0)
        return stopwatch(lambda: jax.block_until_ready(generate_pixels(gan, *variables, z)))

    return Variant(prepare, count)
