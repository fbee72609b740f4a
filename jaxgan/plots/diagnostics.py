"""Pictures of what a run's evaluations found: numbers over training, and the likeliest copies."""

import dataclasses
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from jaxgan.plots.grids import WHITE, visible
from jaxgan.runs.checkpoint_ref import distance_in
from jaxgan.runs.files import replace_file


@dataclasses.dataclass(frozen=True)
class Panel:
    """One set of axes in the diagnostics.

    Attributes:
      label: of the vertical axis.
      lines: legend by the beginning of the names of numbers in rows.
      level: where a dotted line stands, and what it means.
    """

    label: str
    lines: dict[str, str]
    log: bool = False
    limits: tuple[float, float] | None = None
    level: tuple[float, str] | None = None


def save_diagnostics(path: Path, rows: list[dict[str, Any]], title: str) -> None:
    """Writes what the evaluations found over epochs, and the gradients, a panel each."""
    panels = [panel for panel in PANELS if any(series(rows, name)[1] for name in panel.lines)]
    parts = [name for name in COMPOSITIONS if series(rows, name)[1]]
    lines = max(1, -(-(len(panels) + len(parts)) // 2))
    size = (11, 1 + 3 * lines)
    figure, grid = plt.subplots(lines, 2, figsize=size, squeeze=False, layout="constrained")
    axes = grid.flat[: len(panels) + len(parts)]
    for axis, panel in zip(axes, panels, strict=False):
        _draw_panel(axis, panel, rows)
    for axis, name in zip(axes[len(panels) :], parts, strict=True):
        _draw_composition(axis, rows, name)
    for axis in axes:
        axis.set_xlim(0, rows[-1]["epoch"])
    for axis in axes[-2:]:
        axis.set_xlabel("epoch")
    for axis in grid.flat[len(axes) :]:
        axis.axis("off")
    figure.suptitle(f"{title}\n{_protocol(rows)}", fontsize=11)
    replace_file(path, lambda file: figure.savefig(file, dpi=100, format="png"))
    plt.close(figure)


def save_pairs(
    path: Path, samples: np.ndarray, nearest: np.ndarray, ratios: np.ndarray, columns: int = 4
) -> None:
    """Writes samples, each with its nearest training image to the right, row by row.

    Above each pair: its distance over the median one of held-out images.
    """
    samples, nearest = visible(samples), visible(nearest)
    rows = -(-len(samples) // columns)
    height, width, channels = samples.shape[1:]
    gap = max(1, height // 14)  # between two of a pair; between pairs and above them it is more
    cell = (height + 5 * gap, 2 * width + 4 * gap)
    canvas = np.full((rows * cell[0], columns * cell[1], channels), WHITE, np.uint8)
    figure, axis = plt.subplots(figsize=(8, 8 * (canvas.shape[0] + 8 * gap) / canvas.shape[1]))
    for i, (sample, near, ratio) in enumerate(zip(samples, nearest, ratios, strict=True)):
        top, left = (i // columns) * cell[0] + 4 * gap, (i % columns) * cell[1] + 2 * gap
        for image, start in ((sample, left), (near, left + width + gap)):
            canvas[top : top + height, start : start + width] = image
        middle = left + width + gap / 2
        axis.text(middle, top - gap, f"{ratio:.2f}", fontsize=8, ha="center", va="bottom")
    axis.imshow(canvas.squeeze(-1) if channels == 1 else canvas, cmap="gray", vmin=0, vmax=WHITE)
    axis.axis("off")
    axis.set_title(
        "Sample (left), its nearest training image (right), and their distance\n"
        "over the median one of held-out images: 0 is a copy",
        fontsize=9,
    )
    figure.tight_layout()
    replace_file(path, lambda file: figure.savefig(file, dpi=100, format="png"))
    plt.close(figure)


def _draw_panel(axis: Any, panel: Panel, rows: list[dict[str, Any]]) -> None:
    for place, (name, label) in enumerate(panel.lines.items()):
        epochs, values = series(rows, name)
        if not values:
            continue
        few = len(values) < len(rows)  # of evaluations, not of every row
        style = {"marker": "o", "markersize": 3.5} if few else {"linewidth": 0.8}
        axis.plot(epochs, values, label=label, color=f"C{place}", **style)
    if panel.level:
        value, meaning = panel.level
        axis.axhline(value, color="grey", linestyle=":", label=meaning)
    if panel.log:
        axis.set_yscale("log")
    if panel.limits:
        axis.set_ylim(*panel.limits)
    axis.set_ylabel(panel.label)
    axis.grid(alpha=0.3, which="both" if panel.log else "major")
    axis.legend(loc="best", fontsize=8)


def _draw_composition(axis: Any, rows: list[dict[str, Any]], name: str) -> None:
    """Fractions of the samples in each class or mode, one upon the other."""
    epochs, fractions = series(rows, name)
    part = COMPOSITIONS[name]
    axis.set_ylabel(f"fraction of samples in each {part}")
    axis.set_ylim(0, 1)
    if len({len(row) for row in fractions}) > 1:
        return
    classes = np.array(fractions).T
    colours = plt.get_cmap("tab10" if len(classes) <= 10 else "viridis")
    places = np.arange(len(classes)) if len(classes) <= 10 else np.linspace(0, 1, len(classes))
    names = [str(i) for i in range(len(classes))] if len(classes) <= 10 else None
    if len(epochs) == 1:  # an area needs a width
        epochs, classes = [0, *epochs], np.repeat(classes, 2, axis=1)
    axis.stackplot(epochs, classes, colors=[colours(p) for p in places], labels=names or ())
    if names:
        handles, labels = axis.get_legend_handles_labels()
        place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        axis.legend(handles[::-1], labels[::-1], title=part, fontsize=8, **place)


def _protocol(rows: list[dict[str, Any]]) -> str:
    """Split, N and feature net, as the newest name of a distance has them."""
    names = [found[0] for row in rows if (found := distance_in(row))]
    return "distance: " + "/".join(names[-1].split("/")[2:]) if names else ""


def series(rows: list[dict[str, Any]], name: str) -> tuple[list[float], list[Any]]:
    """Epochs and values of the numbers whose names begin so; what is null is left out."""
    found = [
        (row["epoch"], value)
        for row in rows
        for key, value in row.items()
        if (key == name or key.startswith(f"{name}/")) and value is not None
    ]
    return [epoch for epoch, _ in found], [value for _, value in found]


PANELS = (
    Panel("Fréchet distance", {"eval/frechet": "samples, to held-out examples"}, log=True),
    Panel(
        "total variation",
        {
            "eval/class_distance": "classes of samples, from held-out images'",
            "eval/mode_distance": "modes of samples, from held-out points'",
        },
    ),
    Panel("of the label asked for (fraction)", {"eval/label_accuracy": "of the samples"}),
    Panel("modes reached", {"eval/modes": "by the samples"}),
    Panel(
        "of high quality (fraction)",
        {"eval/high_quality": "within 3 sigma of a mode"},
        limits=(-0.02, 1.02),
    ),
    Panel("reverse KL of the modes (nats)", {"eval/reverse_kl": "to uniform"}, log=True),
    Panel(
        "D on held-out real and fake",
        {
            "eval/disc_accuracy": "accuracy (fraction)",
            "eval/disc_auc": "area under the ROC curve",
            "eval/disc_calibration_error": "calibration error (probability)",
        },
        limits=(-0.02, 1.02),
        level=(0.5, "a guess (accuracy, area)"),
    ),
    Panel(
        "D's mean logit, train - held-out (nats)",
        {"eval/disc_logit_gap": "real images"},
        level=(0.0, "no memory of the training images"),
    ),
    Panel(
        "called real by D, train - held-out (fraction)",
        {"eval/disc_accuracy_gap": "real images"},
        level=(0.0, "no memory of the training images"),
    ),
    Panel(
        "norm of the gradient",
        {"disc/grad_norm": "discriminator", "gen/grad_norm": "generator"},
        log=True,
    ),
    Panel(
        "distance to nearest training image (ratio)",
        {"eval/copying": "median of samples / of held-out images"},
        level=(1.0, "as far as held-out images; 0: copies"),
    ),
)
COMPOSITIONS = {"eval/class_fractions": "class", "eval/mode_fractions": "mode"}
