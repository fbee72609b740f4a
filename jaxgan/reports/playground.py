"""The playground: a generator that computes in the page, where the reader changes its latents."""

from collections.abc import Iterator, Sequence
from importlib import resources

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.gan.standing_stats import count_standing_latents, inference_variables
from jaxgan.gan.state import Gan, TrainState
from jaxgan.reports import markup
from jaxgan.reports.generators import load_newest, load_training_data
from jaxgan.reports.playable import (
    REACH,
    SAMPLES,
    Playable,
    Room,
    direction_names,
    encode_playable,
    fit_into_page,
    rounding_error,
)
from jaxgan.reports.run import Run
from jaxgan.reports.sections import Section
from jaxgan.types import Params

TITLE = "Playground"
REAL = 500  # real points behind the generated ones
SLIDERS = 4  # further directions, beside the two of the pad
NOT_TRUNCATED = 4.0  # right end of the slider, where no latent is drawn again
SCATTER_SIDE = 480  # pixels
TRUNCATION = "Truncation: redraws latents beyond"
PAD_HELP = (
    "Two directions in the space of latents: left and right arrow keys change the first, up and "
    "down the second, with Shift in larger steps; Home goes back to the middle"
)
HELP = (
    "At first you see what `jaxgan sample --seed 0` writes. A new seed takes random numbers of the "
    "browser, which no seed of `sample` gives.",
    "The square and the sliders move the latents along directions: those that change the output of "
    "the first layer most, the strongest first (SeFa, Shen and Zhou 2021). Along each, the latents "
    "have a standard deviation of 1. `jaxgan animate --direction K` moves along the same ones.",
    "Truncation draws the values of the latents that are beyond it again. Lower ones give images "
    "that are more alike, and often better. What the directions add comes after it.",
)


def playground_section(run: Run, room: Room | None = None) -> Section:
    """Returns the section of a run, or one that says why there is no playground.

    The folder of many seeds has the one of its first seed.

    Args:
      room: that of the page, which gets smaller; by default that of a page of one run.
    """
    if run.seeds:
        return playground_section(run.seeds[min(run.seeds)], room)
    identifier = f"{run.prefix}playground"
    try:
        config, gan, state = load_newest(run.workdir)
        params, stats = inference_variables(gan, state)
        playable = fit_into_page(gan, params, stats, room or Room())
        real = _real_points(run, playable)
    except UserError as error:
        return Section(identifier, TITLE, markup.note(str(error)))
    about = " ".join((_about(run, state), *_precision(config, playable, params)))
    content = playground_html(playable, class_names(run, gan), real)
    explained = markup.folded("What the controls do", "".join(map(markup.lead, HELP)))
    return Section(
        identifier,
        TITLE,
        f"{markup.lead(about)}{content}{explained}",
        script=playground_script(),
        style=static_file("playground.css"),
    )


def playground_html(playable: Playable, classes: dict[int, str], real: np.ndarray) -> str:
    """Returns the controls of a generator, and its data for the script.

    Args:
      classes: names of the classes to choose from, by number.
      real: points (n, 2) to show behind the generated ones; none for images.
    """
    points, names = len(playable.shape) == 1, direction_names(playable)
    pairs = list(enumerate(names))
    further = "".join(
        _slider(name, -REACH, REACH, 0, f'name="along{index}" data-direction="{index}"')
        for index, name in pairs[2 : 2 + SLIDERS]
    )
    # Of points, the class of each is another one at first.
    options = [("all", "all, in turn")] * points + list(classes.items())
    truncation = _slider(TRUNCATION, 0.2, NOT_TRUNCATED, NOT_TRUNCATED, 'name="truncation"')
    data = markup.data_script(encode_playable(playable, real), "generator")
    canvas = _canvas(playable.shape, 'role="img" aria-label="Generated examples"')
    return f"""
<div class="playground" aria-busy="true">
<div class="playground-parts">
<div>{canvas}<span class="playground-status"></span></div>
<div><div class="playground-pad" role="slider" tabindex="0" aria-label="{PAD_HELP}"
aria-valuemin="{-REACH}" aria-valuemax="{REACH}" aria-valuenow="0"></div>
{_select("x", "Left and right", pairs, 0)}
{_select("y", "Down and up", pairs, min(1, len(pairs) - 1))}</div>
<div><button type="button" name="seed">New seed</button>
<button type="button" name="start">Back to the start</button>
{_select("label", "Class", options, 0) if classes else ""}
{truncation}{further}</div>
</div>
{"" if points else _first_samples(playable.shape)}
{data}
</div>"""


def class_names(run: Run, gan: Gan) -> dict[int, str]:
    """Returns the names of the classes that the generator has learnt; {} if it takes no labels."""
    # A run of an older version has recorded neither names nor counts.
    names = run.data.get("class_names") or [str(number) for number in range(gan.classes)]
    counts = gan.class_counts or (1,) * gan.classes
    return {number: names[number] for number in range(gan.classes) if counts[number]}


def _canvas(shape: tuple[int, ...], attributes: str) -> str:
    height, width = shape[:2] if len(shape) == 3 else (SCATTER_SIDE, SCATTER_SIDE)
    return f'<canvas width="{width}" height="{height}" {attributes}></canvas>'


def _select(name: str, label: str, options: Sequence[tuple[object, str]], chosen: int) -> str:
    items = "".join(
        f'<option value="{value}"{" selected" * (index == chosen)}>{markup.text(text)}</option>'
        for index, (value, text) in enumerate(options)
    )
    return f'<label>{label} <select name="{name}" autocomplete="off">{items}</select></label>'


def _slider(label: str, low: float, high: float, value: float, attributes: str) -> str:
    limits = f'min="{low}" max="{high}" step="0.1" value="{value}" autocomplete="off"'
    return (
        f'<label>{label} <span class="playground-value"></span>'
        f'<input type="range" {limits} {attributes}></label>'
    )


def _first_samples(shape: tuple[int, ...]) -> str:
    canvas = _canvas(shape, 'aria-hidden="true"')
    buttons = "".join(
        f'<button type="button" aria-label="Sample {index + 1}">{canvas}</button>'
        for index in range(SAMPLES)
    )
    return (
        "<p>Begin with another of the first samples:</p>"
        f'<div class="playground-samples">{buttons}</div>'
    )


def _about(run: Run, state: TrainState) -> str:
    weights = "averaged weights" if state.ema_params else "weights"
    latents = count_standing_latents(state)
    statistics = f", with batch-norm statistics over {latents} latents" if latents else ""
    return (
        f"Your browser computes the generator of {run.name} here, from its {weights} "
        f"of step {int(state.step)}{statistics}."
    )


def _precision(config: Config, playable: Playable, params: Params) -> Iterator[str]:
    """Yields sentences about differences from `sample`, if there can be any."""
    if playable.half:
        yield (
            "The weights are rounded to 16 bits, so that the page stays below 8 MB; this "
            f"changes the first samples by at most {rounding_error(playable, params)} of 255 grey "
            "levels."
        )
    if config.network.precision != "float32":
        yield (
            f"The run computes in {config.network.precision} and the page in float32, so that "
            "pixels can differ by a few grey levels."
        )


def _real_points(run: Run, playable: Playable) -> np.ndarray:
    """Returns the first real points (n, 2); none for images.

    Raises:
      UserError: the points are not in the plane, or the data are not here.
    """
    if len(playable.shape) == 3:
        return np.zeros((0, 2), np.float32)
    if playable.shape != (2,):
        raise UserError(
            f"The playground shows images and points in the plane, and these points have "
            f"{playable.shape[0]} values."
        )
    return np.asarray(load_training_data(run.workdir)[1].pixels[:REAL])


def playground_script() -> str:
    """Returns the script of every playground of a page, in a function of its own."""
    return f"(() => {{{static_file('generator.js')}{static_file('playground.js')}}})();"


def static_file(name: str) -> str:
    return resources.files("jaxgan.reports").joinpath("static", name).read_text("utf-8")
