"""The section with a run's samples over training: the saved grids behind a slider."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.config.errors import UserError
from jaxgan.plots import read_grid
from jaxgan.reports import pictures
from jaxgan.reports.frames import Frame, frames_html
from jaxgan.reports.markup import note
from jaxgan.reports.run import Run
from jaxgan.reports.sections import Section
from jaxgan.runs import layout
from jaxgan.runs.plan import images_per_step
from jaxgan.runs.saved_grids import SavedGrid, saved_grids

MOST = 60  # pictures of a run; the slider moves over as many at most
BUDGET = 2_500_000  # bytes for the pictures of one run


def samples_section(run: Run, budget: int = BUDGET) -> Section:
    """Shows the grids that training saved, from the same latents each time."""
    lead = "<p>Each picture shows what the generator makes of the same latent vectors.</p>"
    html = _samples_html(run, budget)
    return Section("samples", "Samples over training", html, lead=lead)


def _samples_html(run: Run, budget: int) -> str:
    remedy = f"--config.save.samples_every=1 saves one after each {_unit(run)}."
    train = run.config.train
    # Without a record of the data, the pictures of epochs come first.
    steps_per_epoch = run.data.get("examples", 0) // images_per_step(train)
    grids = saved_grids(run.workdir, train, steps_per_epoch)
    if not grids:
        return note("This run has saved no samples yet.", remedy)
    read, problems = [], ""
    for grid in _spread(grids):
        try:
            # Now, since all of the originals together can take gigabytes.
            read.append((grid.position, pictures.shrink(_read(grid.path, run))))
        except UserError as error:
            problems += note(f"{error}; left out.")
    if not read:
        return problems
    encoded = pictures.encode([picture for _, picture in read], budget)
    captions = [caption for caption, _ in read]
    frames = [
        Frame(uri, size, caption, f"Generated samples at {caption}.")
        for uri, size, caption in zip(encoded.uris, encoded.sizes, captions, strict=True)
    ]
    style = "pixelated" if len(run.data.get("shape", ())) == 3 else ""
    losses = _losses(len(grids), len(frames), encoded.quality)
    return frames_html(f"{run.prefix}-samples", run.name, frames, style) + losses + problems


def _losses(saved: int, shown: int, quality: int) -> str:
    """Returns a remark on what the page has not kept of the saved pictures."""
    sentences = []
    if shown < saved:
        sentences.append(f"{shown} of the {saved} saved pictures are here, evenly spaced.")
    if quality:
        sentences.append(
            f"They are compressed with some loss (WebP, quality {quality}); "
            f"the folder {layout.SAMPLES}/ of the run has the originals."
        )
    return f'<p class="remark">{" ".join(sentences)}</p>' if sentences else ""


def _read(path: Path, run: Run) -> Image.Image:
    """Returns a saved picture, with each pixel of its images once."""
    shape = run.data.get("shape", ())
    if len(shape) == 3:
        try:
            images = read_grid(path, (shape[0], shape[1]))
        # A picture of an older version, or one that was replaced by hand.
        except UserError:
            return pictures.read_picture(path)
        return pictures.tile(images, math.isqrt(len(images)))
    return pictures.read_picture(path)


def _spread(grids: Sequence[SavedGrid]) -> list[SavedGrid]:
    """Returns at most MOST of the pictures, evenly spaced, with the first and the last."""
    count = min(MOST, len(grids))
    indices = np.linspace(0, len(grids) - 1, count).round().astype(int)
    return [grids[index] for index in indices]


def _unit(run: Run) -> str:
    return "interval" if run.config.train.images else "epoch"
