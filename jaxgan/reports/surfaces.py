"""The section of a run on points: its samples over the data, with D's decision surface."""

import base64

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.evaluation.periodic import logits
from jaxgan.gan.sampling import sample_pixels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan, TrainState
from jaxgan.reports.generators import load_training_data, page_key
from jaxgan.reports.markup import data_script, lead, note, text
from jaxgan.reports.run import Run
from jaxgan.reports.sections import Section
from jaxgan.runs import checkpoints, layout

CELLS = 96  # of the surface, in a row and in a column
POINTS = 1000  # generated ones, and real ones
MARGIN = 0.25  # around the real points, as a fraction of their extent
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
    frames, problems, real = [], [], None
    for step in known:
        try:
            _, gan, state = checkpoints.load_run(run.workdir, step)
            real = np.asarray(load_training_data(run.workdir)[1].pixels[:POINTS])
            frames.append(_frame(gan, state, real))
        except checkpoints.DamagedCheckpoint as error:
            problems.append(f"{error}; left out.")
    if real is None or not frames:
        raise UserError("; ".join(problems))
    words = _lead(run, gan, len(frames))
    data = {"real": _coordinates(real, real), "frames": frames, "square": _square(real)}
    notes = "".join(map(note, problems))
    return f"{lead(words)}{_figure(run, len(frames))}{data_script(data, 'surface')}{notes}"


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
            "The colour says what D takes a point for at each place: real or generated; it is "
            "palest where D is undecided."
        )
    words.append(
        f"The run keeps its last {run.config.save.keep} checkpoints; `--config.save.keep=50 "
        "--config.save.every=1` keeps more of them."
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


def _frame(gan: Gan, state: TrainState, real: np.ndarray) -> dict[str, object]:
    """Returns what the page draws of one state: samples, and D's logits on a grid of points."""
    variables = inference_variables(gan, state)
    fake = np.asarray(sample_pixels(gan, *variables, POINTS, page_key(0)))
    frame: dict[str, object] = {
        "step": int(state.step),
        "images": int(state.step) * gan.images_per_step,
        "fake": _coordinates(fake, real),
    }
    # A D that sees several points as one has no surface over one plane.
    if gan.packing == 1 and not gan.classes:
        margin = _margin(gan, state, _grid(real), fake)
        scale = float(np.quantile(np.abs(margin), 0.95)) or 1.0
        signed = np.clip(margin / scale, -1, 1)
        frame |= {"scale": scale, "surface": _base64(np.round(signed * 127).astype(np.int8))}
    return frame


def _margin(gan: Gan, state: TrainState, points: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """Returns how far D is from taking each point for a generated one: positive means real.

    Losses of differences of logits compare with the mean logit of generated points.
    """
    zeros = np.zeros(max(len(points), len(fake)), np.int32)
    found, fakes = (logits(gan, state.disc, some, zeros[: len(some)]) for some in (points, fake))
    return np.asarray(gan.loss.real_margin(found, np.full_like(found, fakes.mean())))


def _square(real: np.ndarray) -> list[float]:
    """Returns left, bottom and side of the square that is shown; it depends on real points only."""
    low, high = real.min(axis=0), real.max(axis=0)
    side = float((high - low).max()) * (1 + 2 * MARGIN)
    left, bottom = ((low + high) / 2 - side / 2).tolist()
    return [left, bottom, side]


def _grid(real: np.ndarray) -> np.ndarray:
    """Returns the middles of the surface's cells, from the top left one row by row."""
    left, bottom, side = _square(real)
    middles = (np.arange(CELLS) + 0.5) * side / CELLS
    x, y = np.meshgrid(left + middles, bottom + middles[::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def _coordinates(points: np.ndarray, real: np.ndarray) -> str:
    """Returns points within the square as 16-bit numbers, x and y in turn."""
    left, bottom, side = _square(real)
    scaled = (points - np.array([left, bottom], np.float32)) / side
    inside = scaled[np.all((scaled >= 0) & (scaled <= 1), axis=1)]
    return _base64(np.round(inside * LEVELS).astype("<u2"))


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()
