"""The frames of an animation of a run's training: the same latents from step to step."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.gan.decision_surface import decision_surface
from jaxgan.gan.sampling import generate_pixels, latents_of_seed
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan, TrainState
from jaxgan.plots import samples_shown
from jaxgan.plots.grids import open_picture
from jaxgan.reports.animation_request import AnimateRequest
from jaxgan.reports.sample_frames import add_caption, drawing_of, plane_with_data
from jaxgan.runs import checkpoints, layout
from jaxgan.runs.class_labels import requested_labels
from jaxgan.runs.environment import read_data_record
from jaxgan.runs.plan import make_step_plan
from jaxgan.runs.saved_grids import SavedGrid, saved_grids
from jaxgan.runs.seed_folders import read_single_config
from jaxgan.runs.text import join_first

logger = logging.getLogger(__name__)
T = TypeVar("T")
StateDrawing = Callable[[np.ndarray, TrainState], np.ndarray]


class KeptRun(NamedTuple):
    """A run and the checkpoints that are kept of it."""

    workdir: Path
    config: Config
    shape: tuple[int, ...]
    steps: list[int]


def training_frames(workdir: Path, request: AnimateRequest) -> tuple[list[np.ndarray], str]:
    """Draws the checkpoints of a run or, where its first ones are gone, its saved sample grids.

    Both are of the same latents at every step. Only from checkpoints D's decision surface is drawn.

    Returns:
      The frames, and what they are of, in words.

    Raises:
      UserError: there is nothing to draw, or less than the options ask for.
    """
    config = read_single_config(workdir)
    data = read_data_record(workdir)
    steps = checkpoints.steps(workdir / layout.CHECKPOINTS)
    run = KeptRun(workdir, config, tuple(data["shape"]), steps)
    plan = make_step_plan(config.train, data["examples"])
    grids = saved_grids(workdir, config.train, plan.epoch)
    first = min(plan.interval * config.save.every, plan.total)
    # A run that was stopped between two saves has a checkpoint there too.
    whole = bool(steps) and steps[0] <= first
    if not whole and len(grids) > len(steps):
        return _frames_of_grids(run, grids, request)
    if len(steps) < 2:
        raise UserError(
            f"--workdir {workdir}: has {len(steps)} checkpoints and {len(grids)} pictures of "
            "samples; an animation of the training needs two of either, so train on; --walk and "
            "--direction need one checkpoint"
        )
    frames = _frames_of_checkpoints(run, request)
    kept = "" if whole else f", since only those from step {steps[0]} on are kept"
    return frames, f"from the checkpoints of steps {steps[0]} to {steps[-1]}{kept}"


def _frames_of_grids(
    run: KeptRun, grids: Sequence[SavedGrid], request: AnimateRequest
) -> tuple[list[np.ndarray], str]:
    kept = f"only the checkpoints of steps {join_first(run.steps, 5) or 'none'} are kept"
    if flag := request.of_chosen_samples:
        raise UserError(
            f"{flag}: {kept}, so the animation is of the saved pictures in "
            f"{run.workdir / layout.SAMPLES}; leave it out, or train with config.save.keep=1000"
        )
    if len(run.shape) != 3:
        logger.warning(
            f"{run.workdir}: {kept}, so the animation does not show D's decision surface; train "
            "with config.save.keep=1000 for it"
        )
    frames = [
        add_caption(_read_picture(grid.path), grid.position) for grid in _spread(grids, request)
    ]
    if len({frame.shape for frame in frames}) > 1:
        raise UserError(f"{run.workdir / layout.SAMPLES}: has pictures of different sizes")
    return frames, f"from the saved pictures of samples, since {kept}"


def _read_picture(path: Path) -> np.ndarray:
    try:
        picture = open_picture(path)
    except UserError as error:
        raise UserError(f"{error}; delete it") from None
    pixels = np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _frames_of_checkpoints(run: KeptRun, request: AnimateRequest) -> list[np.ndarray]:
    _, gan, newest = checkpoints.load_run(run.workdir)
    num = request.num or samples_shown(run.shape)
    labels = requested_labels(gan, request.labels, num, run.workdir)
    z = latents_of_seed(gan, num, run.config.seed if request.seed is None else request.seed)
    draw_state = _drawing_of_points if len(run.shape) == 1 else _drawing_of_images
    draw = draw_state(run, gan, request.size)
    frames = []
    for state in _states(run, newest, request):
        pixels = generate_pixels(gan, *inference_variables(gan, state), z, labels)
        frames.append(add_caption(draw(np.asarray(pixels), state), f"step {int(state.step)}"))
    return frames


def _states(run: KeptRun, newest: TrainState, request: AnimateRequest) -> Iterator[TrainState]:
    folder = run.workdir / layout.CHECKPOINTS
    for step in _spread(run.steps, request):
        try:
            yield checkpoints.restore(folder, newest, step)
        except checkpoints.DamagedCheckpoint as error:
            logger.warning(f"{error}; left out")


def _drawing_of_images(run: KeptRun, gan: Gan, size: int) -> StateDrawing:
    del gan
    draw = drawing_of(run.config, run.shape, size)
    return lambda pixels, state: draw(pixels)


def _drawing_of_points(run: KeptRun, gan: Gan, size: int) -> StateDrawing:
    """Returns a function that draws points over D's decision surface."""
    plane = plane_with_data(run.config, run.shape, size)
    if gan.packing > 1 or gan.classes:
        logger.warning(
            f"{run.workdir}: D takes packs or labels, so it has no decision for a point alone; the "
            "animation does not show its surface"
        )
        return lambda points, state: plane.draw(points)
    at = jnp.asarray(plane.surface_points())

    def draw(points: np.ndarray, state: TrainState) -> np.ndarray:
        margins = decision_surface(gan, state.disc, at, jnp.asarray(points))
        return plane.draw(points, np.asarray(jax.nn.sigmoid(margins)))

    return draw


def _spread(items: Sequence[T], request: AnimateRequest) -> list[T]:
    """Returns as many items as the request asks for, evenly spaced, with the first and the last."""
    if not 0 < request.frames < len(items):
        return list(items)
    return [items[round(i)] for i in np.linspace(0, len(items) - 1, request.frames)]
