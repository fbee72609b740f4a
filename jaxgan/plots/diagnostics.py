"""Plots of a run's periodic evaluations: metrics over training, and the likeliest copies."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.plots.figure import literal, new_figure, save_figure
from jaxgan.plots.grids import WHITE, to_displayable
from jaxgan.runs.checkpoint_ref import distance_in

DPI = 100


@dataclasses.dataclass(frozen=True)
class Panel:
    """One set of axes in the diagnostics.

    Attributes:
      label: label of the vertical axis.
      lines: for each line, the beginning of its metric's name and its text in the legend.
      level: height and meaning of a dotted horizontal line.
    """

    label: str
    lines: dict[str, str]
    log: bool = False
    limits: tuple[float, float] | None = None
    level: tuple[float, str] | None = None


def save_diagnostics(path: Path, rows: list[dict[str, Any]], title: str) -> None:
    """Plots the results of the evaluations and the gradient norms over epochs, one panel each."""
    # A run has the metrics of its kind of data only.
    panels = [panel for panel in PANELS if any(series(rows, name)[1] for name in panel.lines)]
    compositions = [name for name in COMPOSITIONS if series(rows, name)[1]]
    count = len(panels) + len(compositions)
    height = max(1, -(-count // 2))
    figure = new_figure(11, 1 + 3 * height, layout="constrained")
    grid = figure.subplots(height, 2, squeeze=False).flatten()
    axes = grid[:count]
    for axis, panel in zip(axes, panels, strict=False):
        _draw_panel(axis, panel, rows)
    for axis, name in zip(axes[len(panels) :], compositions, strict=True):
        _draw_composition(axis, rows, name)
    for axis in axes:
        # One range for all panels, also for those with rows of evaluations only.
        axis.set_xlim(0, rows[-1]["epoch"])
    for axis in axes[-2:]:
        axis.set_xlabel("epoch")
    for axis in grid[count:]:
        axis.axis("off")
    figure.suptitle(literal(f"{title}\n{_protocol(rows)}"), fontsize=11)
    save_figure(path, figure, DPI)


def save_pairs(
    path: Path, samples: np.ndarray, nearest: np.ndarray, ratios: np.ndarray, columns: int = 4
) -> None:
    """Draws each sample with its nearest training image to the right of it, row by row.

    Args:
      samples, nearest: uint8 (n, height, width, channels).
      ratios: (n,) distance of each pair, divided by the median distance of held-out images; it is
        written above the pair.
      columns: number of pairs in a row.
    """
    samples, nearest = to_displayable(samples), to_displayable(nearest)
    rows = -(-len(samples) // columns)
    height, width, channels = samples.shape[1:]
    gap = max(1, height // 14)  # pixels between the two images of a pair
    cell = (height + 5 * gap, 2 * width + 4 * gap)
    canvas = np.full((rows * cell[0], columns * cell[1], channels), WHITE, np.uint8)
    figure = new_figure(8, 8 * (canvas.shape[0] + 8 * gap) / canvas.shape[1])
    axis = figure.subplots()
    for i, (sample, near, ratio) in enumerate(zip(samples, nearest, ratios, strict=True)):
        top, left = (i // columns) * cell[0] + 4 * gap, (i % columns) * cell[1] + 2 * gap
        for image, start in ((sample, left), (near, left + width + gap)):
            canvas[top : top + height, start : start + width] = image
        middle = left + width + gap / 2
        axis.text(middle, top - gap, f"{ratio:.2f}", fontsize=8, ha="center", va="bottom")
    # With limits, or Matplotlib would stretch the range of grey pixels.
    axis.imshow(canvas.squeeze(-1) if channels == 1 else canvas, cmap="gray", vmin=0, vmax=WHITE)
    axis.axis("off")
    axis.set_title(
        "Sample (left), its nearest training image (right), and their distance\n"
        "over the median one of held-out images: 0 is a copy",
        fontsize=9,
    )
    save_figure(path, figure, DPI)


def series(rows: list[dict[str, Any]], name: str) -> tuple[list[float], list[Any]]:
    """Returns epochs and values of the metrics with this name or prefix, without nulls."""
    points = [
        (row["epoch"], value)
        for row in rows
        for key, value in row.items()
        if (key == name or key.startswith(f"{name}/")) and value is not None
    ]
    return [epoch for epoch, _ in points], [value for _, value in points]


def _draw_panel(axis: Any, panel: Panel, rows: list[dict[str, Any]]) -> None:
    for index, (name, label) in enumerate(panel.lines.items()):
        epochs, values = series(rows, name)
        if not values:
            continue
        is_sparse = len(values) < len(rows)  # only the rows of evaluations have this metric
        style = {"marker": "o", "markersize": 3.5} if is_sparse else {"linewidth": 0.8}
        axis.plot(epochs, values, label=label, color=f"C{index}", **style)
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
    """Draws the fractions of the samples in each class or mode as stacked areas."""
    import matplotlib  # here for the same reason as in `new_figure`

    epochs, fractions = series(rows, name)
    kind = COMPOSITIONS[name]
    axis.set_ylabel(f"fraction of samples in each {kind}")
    axis.set_ylim(0, 1)
    # The feature net was changed during the run: classes of different nets cannot be stacked.
    if len({len(row) for row in fractions}) > 1:
        return
    classes = np.array(fractions).T
    colours = matplotlib.colormaps["tab10" if len(classes) <= 10 else "viridis"]
    # tab10 is indexed by integers, viridis by fractions.
    indices = np.arange(len(classes)) if len(classes) <= 10 else np.linspace(0, 1, len(classes))
    names = [str(i) for i in range(len(classes))] if len(classes) <= 10 else None
    # An area needs a width.
    if len(epochs) == 1:
        epochs, classes = [0, *epochs], np.repeat(classes, 2, axis=1)
    axis.stackplot(epochs, classes, colors=[colours(i) for i in indices], labels=names or ())
    if names:
        handles, labels = axis.get_legend_handles_labels()
        # Reversed, as the first area is the lowest; beside the axes, which the areas fill.
        place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        axis.legend(handles[::-1], labels[::-1], title=kind, fontsize=8, **place)


def _protocol(rows: list[dict[str, Any]]) -> str:
    """Returns split, number of samples and feature net, from the newest distance's name."""
    names = [distance[0] for row in rows if (distance := distance_in(row))]
    return "distance: " + "/".join(names[-1].split("/")[2:]) if names else ""


PANELS = (
    Panel("Fréchet distance", {"eval/frechet": "samples, to held-out examples"}, log=True),
    Panel(
        "total variation",
        {
            "eval/class_distance": "classes of samples and of held-out images",
            "eval/mode_distance": "modes of samples and of held-out points",
        },
    ),
    Panel("samples of the requested class (fraction)", {"eval/label_accuracy": "label accuracy"}),
    Panel("modes covered", {"eval/modes": "by the samples"}),
    Panel(
        "high-quality samples (fraction)",
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
        level=(0.5, "random guess (accuracy, area)"),
    ),
    Panel(
        "D's mean logit, train - held-out (nats)",
        {"eval/disc_logit_gap": "real images"},
        level=(0.0, "no memory of the training images"),
    ),
    Panel(
        "classified as real, train - held-out (fraction)",
        {"eval/disc_accuracy_gap": "real images"},
        level=(0.0, "no memory of the training images"),
    ),
    Panel(
        "gradient norm", {"disc/grad_norm": "discriminator", "gen/grad_norm": "generator"}, log=True
    ),
    Panel("probability of the augmentations", {"disc/augment": "each"}, limits=(-0.02, 1.02)),
    Panel(
        "distance to nearest training image (ratio)",
        {"eval/copying": "median of samples / of held-out images"},
        level=(1.0, "same as held-out images; 0 means copies"),
    ),
)
COMPOSITIONS = {"eval/class_fractions": "class", "eval/mode_fractions": "mode"}
