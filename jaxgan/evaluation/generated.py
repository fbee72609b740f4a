"""The images of a run's generators that an evaluation scores."""

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data.lazy_array import LazyArray
from jaxgan.gan import sampling
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan, TrainState
from jaxgan.runs import checkpoints, layout
from jaxgan.types import Params, PRNGKey, Stream, stream_key, to_pixels

GENERATOR, RAW_GENERATOR = "generator", "raw_generator"
LATENTS, SUBSETS = 0, 1  # counters of Stream.EVALUATE


def generate_pixels(
    workdir: Path, gan: Gan, state: TrainState, count: int, seed: int
) -> dict[str, np.ndarray]:
    """Returns the pixels of each generator, from the same latents.

    Raises:
      UserError: a generator gives NaN or infinity.
    """
    key = _latents_key(seed)
    pixels = {}
    for name, variables in _generators(gan, state).items():
        pixels[name], bad = sampling.generate_finite(gan, *variables, count, key)
        if bad:
            raise _not_finite(workdir, name, state, f"{bad} of {count}")
    return pixels


def lazy_pixels(
    workdir: Path, gan: Gan, state: TrainState, shape: tuple[int, ...], seed: int
) -> dict[str, LazyArray]:
    """Returns the same pixels, which are generated when they are indexed.

    So the memory does not grow with their number.

    Args:
      shape: (n, height, width, channels).
    """
    z = sampling.sample_latents(
        gan, -(-shape[0] // sampling.BLOCK) * sampling.BLOCK, _latents_key(seed)
    )
    scored = sampling.proportional_labels(gan, shape[0])
    labels = None if scored is None else jnp.resize(scored, (len(z),))

    def reader(name: str, params: Params, stats: Params) -> Callable[[np.ndarray], np.ndarray]:
        def read(indices: np.ndarray) -> np.ndarray:
            chosen = None if labels is None else labels[indices]
            images = sampling.generate(gan, params, stats, z[indices], chosen)
            if not bool(jnp.isfinite(images).all()):
                raise _not_finite(workdir, name, state, "some")
            return np.asarray(to_pixels(images))

        return read

    return {
        name: LazyArray(shape, reader(name, *variables))
        for name, variables in _generators(gan, state).items()
    }


def _generators(gan: Gan, state: TrainState) -> dict[str, tuple[Params, Params]]:
    generators = {GENERATOR: inference_variables(gan, state)}
    # Without an average, both would be the same weights.
    if state.ema_params:
        generators[RAW_GENERATOR] = (state.gen.params, state.gen.stats)
    return generators


def _latents_key(seed: int) -> PRNGKey:
    return stream_key(jax.random.key(seed), Stream.EVALUATE, LATENTS)


def _not_finite(workdir: Path, name: str, state: TrainState, images: str) -> UserError:
    steps = checkpoints.steps(workdir / layout.CHECKPOINTS)
    return UserError(
        f"--workdir {workdir}: the {name} of step {int(state.step)} gives NaN or infinity in "
        f"{images} images; choose another step; there are: {steps}"
    )


def describe_labels(gan: Gan) -> str:
    """Describes the labels that a class-conditional generator is asked for, for the protocol."""
    # A run of an older version has not recorded how many images each class has.
    return "as in the training data" if gan.class_counts else "all classes equally often"
