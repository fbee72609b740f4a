"""The section with the samples that are most like a training image, each beside that image."""

import numpy as np

from jaxgan import metrics
from jaxgan.config.errors import UserError
from jaxgan.data import load_test_split, splits_of
from jaxgan.evaluation.periodic import COPYING_SAMPLES, Pairs, most_similar
from jaxgan.gan.sampling import sample_pixels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan, TrainState
from jaxgan.plots.grids import to_displayable
from jaxgan.reports import pictures
from jaxgan.reports.generators import load_newest, load_training_data, page_key
from jaxgan.reports.markup import lead, note, scrolled, text
from jaxgan.reports.run import Run
from jaxgan.reports.sections import Section
from jaxgan.runs import layout

LEAD = (
    "Left a sample, right the training image that is nearest to it in pixels. The number is the "
    "distance of the two over the median distance of held-out images to theirs: 0 is a copy, and 1 "
    "is as near as a real image that was not in the training set."
)
SHOWN = 16
BUDGET = 300_000  # bytes


def nearest_section(run: Run) -> Section | None:
    """Searches all training images; without them, shows what the run's last evaluation found."""
    if len(run.data.get("shape", ())) == 1:
        return None
    try:
        html = _pairs_html(run)
    except UserError as error:
        html = note(f"The nearest training images cannot be searched: {error}")
        html += _saved_picture(run)
    return Section("nearest", "Nearest training images", html, lead=lead(LEAD))


def _pairs_html(run: Run) -> str:
    _, gan, state = load_newest(run.workdir)
    config, train = load_training_data(run.workdir)
    fake = _samples(gan, state)
    nearest = metrics.nearest_images(fake, train.pixels)
    unit, words = 0.0, "Without held-out images there is no distance to compare theirs with."
    if "test" in splits_of(config):
        held_out = load_test_split(config, train).pixels[:COPYING_SAMPLES]
        unit = float(np.median(metrics.nearest_images(held_out, train.pixels).distances))
        words = ""
    pairs = most_similar(fake, nearest, train, unit or 1.0)
    shown = (
        f"At step {int(state.step):,}: the {SHOWN} of {len(fake)} samples that are nearest to one."
    )
    return f'<p class="remark">{text(f"{shown} {words}")}</p>{_figures(pairs, unit > 0)}'


def _samples(gan: Gan, state: TrainState) -> np.ndarray:
    variables = inference_variables(gan, state)
    return np.asarray(sample_pixels(gan, *variables, COPYING_SAMPLES, page_key(1)))


def _figures(pairs: Pairs, has_unit: bool) -> str:
    samples, nearest = (to_displayable(part[:SHOWN]) for part in (pairs.samples, pairs.nearest))
    both = [pictures.tile(pair, 2) for pair in zip(samples, nearest, strict=True)]
    encoded = pictures.encode(both, BUDGET)
    figures = []
    for uri, size, ratio in zip(encoded.uris, encoded.sizes, pairs.ratios[:SHOWN], strict=True):
        distance = f"{ratio:.2f}" if has_unit else ""
        alt = f"A sample and its nearest training image. {distance}"
        image = pictures.image_html(uri, size, alt, 'class="pixelated"')
        figures.append(f"<figure>{image}<figcaption>{distance}</figcaption></figure>")
    return f'<div class="pairs">{"".join(figures)}</div>'


def _saved_picture(run: Run) -> str:
    """Returns the picture that the run's last evaluation drew, if there is one."""
    path = run.workdir / layout.MEMORISATION
    if not path.is_file():
        return ""
    try:
        encoded = pictures.encode([pictures.read_picture(path)], BUDGET)
    except UserError as error:
        return note(str(error))
    alt = "Samples of the last evaluation during training, beside their nearest training images."
    image = pictures.image_html(encoded.uris[0], encoded.sizes[0], alt)
    return scrolled(image, alt, "saved")
