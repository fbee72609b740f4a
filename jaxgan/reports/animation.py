"""Animations of a generator: over its training, between latents, or along a direction."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.directions import latent_directions
from jaxgan.gan.sampling import generate_pixels, latents_of_seed
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan
from jaxgan.gan.walks import Frames, loop_along, loop_through
from jaxgan.plots.grids import SCATTER
from jaxgan.reports.animation_files import check_encoder, write_animation
from jaxgan.reports.animation_request import FRAMES, AnimateRequest
from jaxgan.reports.sample_frames import drawing_of
from jaxgan.reports.training_frames import training_frames
from jaxgan.runs.checkpoints import load_run
from jaxgan.runs.class_labels import requested_labels
from jaxgan.runs.environment import read_data_record
from jaxgan.types import Params

IMAGES = 16  # in each frame


def animate(workdir: Path, request: AnimateRequest, out: Path) -> str:
    """Writes an animation; the same run and request give the same bytes.

    Args:
      out: .gif, .webp or .mp4.

    Returns:
      What it shows, in words.

    Raises:
      UserError: there is no such run, checkpoint, label, direction or encoder, or the run has too
        few checkpoints and pictures for an animation of its training.
    """
    check_encoder(out)
    frames_of = training_frames if request.of_training else _latent_frames
    frames, words = frames_of(workdir, request)
    write_animation(out, frames, request.fps)
    return f"{len(frames)} frames, {words}"


def _latent_frames(workdir: Path, request: AnimateRequest) -> tuple[list[np.ndarray], str]:
    """Draws the samples of latents that move, from one checkpoint."""
    config, gan, state = load_run(workdir, request.step)
    variables = inference_variables(gan, state)
    shape = tuple(read_data_record(workdir)["shape"])
    num = request.num or (IMAGES if len(shape) == 3 else SCATTER)
    labels = requested_labels(gan, request.labels, num, workdir)
    z, words = _moving_latents(gan, variables[0], num, config.seed, request)
    pixels = np.asarray(generate_pixels(gan, *variables, z.reshape(-1, gan.latent_size), labels))
    draw = drawing_of(config, shape, request.size)
    frames = [draw(samples) for samples in pixels.reshape(-1, num, *shape)]
    return frames, f"{words}; step {int(state.step)}"


def _moving_latents(
    gan: Gan, params: Params, num: int, seed: int, request: AnimateRequest
) -> tuple[Frames, str]:
    count = request.frames or FRAMES
    if request.walk:
        anchors = jnp.stack([latents_of_seed(gan, num, seed) for seed in request.walk])
        return loop_through(anchors, count), f"between seeds {', '.join(map(str, request.walk))}"
    directions, index = latent_directions(gan, params), request.direction or 0
    known = len(directions.vectors)
    if index >= known:
        raise UserError(
            f"--direction {index}: the first layer of this generator has {known} directions; must "
            f"be 0 (the strongest) to {known - 1}"
        )
    seed = seed if request.seed is None else request.seed
    z = latents_of_seed(gan, num, seed)
    moved = loop_along(z, jnp.asarray(directions.vectors[index]), request.extent, count)
    value = directions.singular_values[index]
    words = f"along direction {index} (singular value {value:.3g}) to {request.extent:g} "
    return moved, f"{words}standard deviations on both sides, seed {seed}"
