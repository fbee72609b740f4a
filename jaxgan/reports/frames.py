"""Pictures of which a slider shows one at a time."""

import dataclasses
from collections.abc import Sequence

from jaxgan.reports.markup import text
from jaxgan.reports.pictures import image_html


@dataclasses.dataclass(frozen=True)
class Frame:
    """One picture: a data URI, its size in pixels, its place on the slider, and a text for it."""

    uri: str
    size: tuple[int, int]
    caption: str
    alt: str


def frames_html(id: str, name: str, frames: Sequence[Frame], style: str = "") -> str:
    """Returns the pictures with a slider and a button that plays them; the last one shows first.

    Args:
      id: of the element, different for each on a page.
      name: of the run.
      style: a class of each picture, "pixelated" for small images.
    """
    last = len(frames) - 1
    images = "".join(
        image_html(frame.uri, frame.size, frame.alt, _attributes(frame, index == last, style))
        for index, frame in enumerate(frames)
    )
    controls = _controls(name, frames) if last else ""
    caption = f'<figcaption class="caption">{text(frames[-1].caption)}</figcaption>'
    return (
        f'<figure class="frames" id="{text(id)}"><div class="stack">{images}</div>'
        f"{controls}{caption}</figure>"
    )


def _controls(name: str, frames: Sequence[Frame]) -> str:
    last = len(frames) - 1
    return (
        '<div class="controls">'
        f'<button type="button" class="play" aria-label="Play {text(name)} over training">'
        "Play</button>"
        f'<input type="range" min="0" max="{last}" value="{last}" step="1" '
        f'aria-label="{text(name)}: position in training" '
        f'aria-valuetext="{text(frames[-1].caption)}"></div>'
    )


def _attributes(frame: Frame, shown: bool, style: str) -> str:
    hidden = "" if shown else " hidden"
    return f'class="{text(style)}" data-caption="{text(frame.caption)}"{hidden}'
