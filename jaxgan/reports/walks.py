"""The section with walks through the latents: between pairs of them, and along directions."""

import jax.numpy as jnp
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.directions import latent_directions
from jaxgan.gan.sampling import cycled_labels, generate, sample_latents
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan
from jaxgan.gan.walks import Frames, path_through, shift_along
from jaxgan.plots.grids import to_displayable
from jaxgan.reports import pictures
from jaxgan.reports.generators import load_newest, page_key
from jaxgan.reports.markup import lead, note
from jaxgan.reports.run import Run
from jaxgan.reports.sections import Section
from jaxgan.types import Labels, Params, to_pixels

WALKS = 6
POINTS = 9  # of each walk
EXTENT = 3.0  # standard deviations of the latents, to both sides
BUDGET = 400_000  # bytes
LEAD = (
    "First, each row goes from one latent vector to another on a great circle: smooth changes "
    "between plausible images speak for a generator that has learnt more than single images. "
    f"Then one sample, in the middle, is moved by up to {EXTENT:g} standard deviations along each "
    "of the directions that change the output of the generator's first layer most (SeFa); the rows "
    "are its directions 0, 1, ..., as in `jaxgan animate --direction 0`."
)


def walks_section(run: Run) -> Section | None:
    """Shows the images of walks, from the newest checkpoint."""
    if len(run.data.get("shape", ())) == 1:
        return None
    try:
        html = _walks_html(run)
    except UserError as error:
        html = note(f"Interpolations need a checkpoint: {error}")
    return Section("interpolations", "Interpolations", html, lead=lead(LEAD))


def _walks_html(run: Run) -> str:
    _, gan, state = load_newest(run.workdir)
    variables = inference_variables(gan, state)
    ends = sample_latents(gan, 2 * WALKS, page_key(0)).reshape(2, WALKS, gan.latent_size)
    labels = cycled_labels(gan, WALKS)
    alt = f"{WALKS} rows of {POINTS} generated images, each row between two latent vectors."
    between = _figure(gan, variables, path_through(ends, POINTS), labels, alt)
    try:
        return f'<div class="side">{between}{_directions(gan, variables)}</div>'
    # A network of the user's own has no first layer that is known.
    except UserError as error:
        return between + note(f"No directions: {error}")


def _directions(gan: Gan, variables: tuple[Params, Params]) -> str:
    """Returns one sample that moves along each of the strongest directions."""
    vectors = latent_directions(gan, variables[0]).vectors[:WALKS]
    z = sample_latents(gan, 1, page_key(0))
    offsets = jnp.linspace(-EXTENT, EXTENT, POINTS)
    paths = [shift_along(z, jnp.asarray(vector), offsets) for vector in vectors]
    labels = cycled_labels(gan, 1)
    labels = None if labels is None else jnp.repeat(labels, len(vectors))
    alt = f"{len(vectors)} rows of {POINTS} generated images, each row along one direction."
    return _figure(gan, variables, jnp.concatenate(paths, axis=1), labels, alt)


def _figure(
    gan: Gan, variables: tuple[Params, Params], frames: Frames, labels: Labels | None, alt: str
) -> str:
    """Returns the images of latents (points, rows, latent) as one picture with a row for each walk.

    Args:
      labels: the class of each row.
      alt: a text in place of the picture.
    """
    points, rows, size = frames.shape
    z = frames.swapaxes(0, 1).reshape(rows * points, size)
    classes = None if labels is None else jnp.repeat(labels, points)
    images = np.asarray(to_pixels(generate(gan, *variables, z, classes)))
    encoded = pictures.encode([pictures.tile(to_displayable(images), points)], BUDGET)
    image = pictures.image_html(encoded.uris[0], encoded.sizes[0], alt, 'class="pixelated"')
    return f'<figure class="stack">{image}</figure>'
