"""The section of a run on points: its samples over the data, with D's decision surface."""

import base64

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.decision_surface import decision_surface
from jaxgan.gan.sampling import sample_pixels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan, TrainState
from jaxgan.plots.point_frames import SURFACE, Plane, plane_of
from jaxgan.reports.generators import load_newest, load_training_data, page_key
from jaxgan.reports.markup import data_script, lead, note, text
from jaxgan.reports.run import Run
from jaxgan.reports.sections import Section
from jaxgan.runs import checkpoints, layout

POINTS = 1000  # generated ones, and real ones
MOST = 40  # checkpoints
LEVELS = 65_535  # of a coordinate


def surface_section(run: Run) -> Section | None:
    """Shows D's logits over the plane at every checkpoint that the run has kept."""
    if run.data.get("shape") != [2]:
        return None
    try:
        html = _surfaces_html(run)
    except UserError as error:
        html = note(f"D's decision surface needs checkpoints and data: {error}")
    return Section("surface", "Samples and D's decision surface", html)


def _surfaces_html(run: Run) -> str:
    known = checkpoints.steps(run.workdir / layout.CHECKPOINTS)[-MOST:]
    if not known:
        raise UserError(f"{run.workdir / layout.CHECKPOINTS} has no checkpoint yet")
    _, data = load_training_data(run.workdir)
    plane = plane_of(np.asarray(data.pixels[:POINTS]), side=0)
    _, gan, newest = load_newest(run.workdir)
    frames, problems = [], []
    for step in known:
        try:
            state = checkpoints.restore(run.workdir / layout.CHECKPOINTS, newest, step)
            frames.append(_frame(gan, state, plane))
        # It is damaged, or a run that trains has just removed it.
        except UserError as error:
            problems.append(f"{error}; left out.")
    if not frames:
        raise UserError(problems[0])
    words = _lead(run, gan, len(frames))
    corner = (plane.middle - plane.half).tolist()
    drawn = {
        "frames": frames,
        "real": _coordinates(plane.real, plane),
        "square": [*corner, float(2 * plane.half)],
        "cells": SURFACE,
    }
    notes = "".join(map(note, problems))
    return f"{lead(words)}{_figure(run, len(frames))}{data_script(drawn, 'surface')}{notes}"


def _lead(run: Run, gan: Gan, count: int) -> str:
    words = [
        f"Generated points over {POINTS} real ones, from the same latent vectors at each of "
        f"{count} checkpoints."
    ]
    if gan.packing > 1:
        words.append(f"D sees {gan.packing} points as one, so it has no surface over the plane.")
    elif gan.classes:
        words.append("D depends on the class too, so it has no one surface over the plane.")
    else:
        words.append(
            "The colour says what D takes a point for at each place, real or generated; it is pale "
            "where D is undecided."
        )
    words.append(
        f"The run keeps its last {run.config.save.keep} checkpoints; `--config.save.keep=50` "
        "with `--config.save.every=1` keeps more of them."
    )
    return " ".join(words)


def _figure(run: Run, count: int) -> str:
    """Returns the canvas that the script draws on, with a slider over the checkpoints."""
    alt = "Scatter plot of real and generated points, over a map of the discriminator's margin."
    last = count - 1
    slider = (
        f'<button type="button" class="play" aria-label="Play {text(run.name)} over training">'
        f'Play</button><input type="range" min="0" max="{last}" value="{last}" step="1" '
        f'aria-label="{text(run.name)}: checkpoint">'
    )
    controls = f'<div class="controls">{slider}</div>' if last else ""
    keys = "".join(
        f'<span><i class="{kind}"></i>{words}</span>'
        for kind, words in (
            ("real", "real points"),
            ("fake", "generated points"),
            ("taken-real", "D: real"),
            ("taken-fake", "D: generated"),
        )
    )
    return (
        f'<figure class="frames surface"><div class="stack"><canvas role="img" aria-label="{alt}">'
        f'</canvas></div>{controls}<figcaption class="caption"></figcaption>'
        f'<div class="keys">{keys}</div></figure>'
    )


def _frame(gan: Gan, state: TrainState, plane: Plane) -> dict[str, object]:
    """Returns what the page draws of one state: samples, and D's decision on a grid of points."""
    variables = inference_variables(gan, state)
    fake = sample_pixels(gan, *variables, POINTS, page_key(0))
    frame: dict[str, object] = {
        "step": int(state.step),
        "images": int(state.step) * gan.images_per_step,
        "fake": _coordinates(np.asarray(fake), plane),
    }
    # A D that sees several points as one has no surface over one plane.
    if gan.packing == 1 and not gan.classes:
        at = jnp.asarray(plane.surface_points())
        decisions = np.asarray(jax.nn.sigmoid(decision_surface(gan, state.disc, at, fake)))
        percent = np.round(100 * np.nan_to_num(decisions, nan=0.5))
        frame["surface"] = _base64(percent.astype(np.uint8))
    return frame


def _coordinates(points: np.ndarray, plane: Plane) -> str:
    """Returns points within the square as 16-bit numbers, x and y in turn."""
    scaled = (points - plane.middle) / (2 * plane.half) + 0.5
    inside = scaled[np.all((scaled >= 0) & (scaled <= 1), axis=1)]
    return _base64(np.round(inside * LEVELS).astype("<u2"))


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()
