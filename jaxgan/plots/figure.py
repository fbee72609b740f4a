"""Creates and writes Matplotlib figures without pyplot, which would choose a backend globally."""

import warnings
from pathlib import Path
from typing import Any

from jaxgan.runs.atomic_files import replace_file

DPI = 120


def new_figure(width: float, height: float, layout: str | None = None) -> Any:
    """Returns an empty figure of a size in inches; `layout` is Matplotlib's layout engine."""
    # Its import takes a fifth of a second, and the first step of a run needs no figure.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)  # type: ignore[arg-type]
    # A figure made without pyplot has no canvas that draws pixels.
    FigureCanvasAgg(figure)
    return figure


def draw_grid_and_legend(axis: Any) -> None:
    """Adds thin grid lines, and a legend if any line has a label."""
    axis.grid(alpha=0.3)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="best")


def literal(text: str) -> str:
    """Returns a name or title of a run so that Matplotlib draws its dollar signs, not formulas."""
    return text.replace("$", r"\$")


def save_figure(path: Path, figure: Any, dpi: int = DPI) -> None:
    """Writes a figure as a PNG; an existing file is replaced in one step."""
    with warnings.catch_warnings():
        # A name in letters that the font lacks is drawn with boxes, which need no page of warnings.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        # A layout engine does this itself, whenever the figure is drawn.
        if figure.get_layout_engine() is None:
            figure.tight_layout()
        replace_file(path, lambda file: figure.savefig(file, dpi=dpi, format="png"))
