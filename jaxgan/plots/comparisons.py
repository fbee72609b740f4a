"""How far two runs are apart, step by step."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from jaxgan.runs.checkpoint_ref import distance_in, distance_label
from jaxgan.runs.files import replace_file


def save_divergence(path: Path, apart: Sequence[Any]) -> None:
    """Writes |a - b| / |a| of both players' parameters over the steps, on a logarithmic axis.

    Args:
      apart: rows with `step`, `disc`, `gen` and `replayed`, as `parting.growth` gives them;
        those that were not replayed, but read from checkpoints, are drawn as points.
    """
    figure, axis = plt.subplots(figsize=(8, 4.5))
    for name, label, colour in (("disc", "D", "tab:blue"), ("gen", "G", "tab:orange")):
        for replayed, style, source in ((True, "-", "replayed"), (False, "o", "checkpoints")):
            rows = [row for row in apart if row.replayed == replayed and getattr(row, name) > 0]
            if rows:
                values = [getattr(row, name) for row in rows]
                steps = [row.step for row in rows]
                axis.plot(steps, values, style, color=colour, label=f"{label}, {source}")
    axis.set(xlabel="step", ylabel="|a - b| / |a|, all parameters", yscale="log")
    axis.grid(alpha=0.3)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="best")
    figure.tight_layout()
    replace_file(path, lambda file: figure.savefig(file, dpi=120, format="png"))
    plt.close(figure)


QUARTILES = (0.25, 0.5, 0.75)
LOSSES = {"disc/loss": "D's loss (nats)", "gen/loss": "G's loss (nats)"}
Rows = list[dict[str, Any]]


def save_bands(path: Path, sets: Mapping[str, Sequence[Rows]], title: str) -> None:
    """Writes the losses, and the held-out distance where it was measured, over epochs.

    `sets` are the rows of each run, by the name of the set that it is of. At every epoch those
    runs count that have a finite value there.
    """
    names = dict.fromkeys(LOSSES)
    every = (row for runs in sets.values() for rows in runs for row in rows)
    names |= {found[0]: None for row in every if (found := distance_in(row))}
    figure, grid = plt.subplots(
        len(names), 1, figsize=(8, 1 + 2.5 * len(names)), sharex=True, squeeze=False
    )
    for axis, name in zip(grid.flat, names, strict=True):
        for place, (label, runs) in enumerate(sets.items()):
            _draw_band(axis, runs, name, label, f"C{place}")
        axis.set_ylabel(LOSSES.get(name) or f"{distance_label(name)}\nheld out")
        axis.grid(alpha=0.3)
        if len(sets) > 1:
            axis.legend(loc="best")
    grid[0, 0].set_title(f"{title}\nmedian, and from the lower to the upper quartile")
    grid[-1, 0].set_xlabel("epoch")
    figure.tight_layout()
    replace_file(path, lambda file: figure.savefig(file, dpi=120, format="png"))
    plt.close(figure)


def bands(runs: Iterable[list[dict[str, Any]]], name: str) -> tuple[list[float], np.ndarray]:
    """Epochs, and (epochs, 3) quartiles over the runs that have a finite value there."""
    found: dict[float, list[float]] = {}
    for rows in runs:
        for row in rows:
            if row.get(name) is not None:
                found.setdefault(row["epoch"], []).append(row[name])
    epochs = sorted(found)
    quartiles = [np.quantile(found[epoch], QUARTILES) for epoch in epochs]
    return epochs, np.array(quartiles).reshape(-1, len(QUARTILES))


def _draw_band(axis: Any, runs: Iterable[list[dict[str, Any]]], name: str, label: str, colour: str):
    epochs, quartiles = bands(runs, name)
    low, middle, high = quartiles.T
    axis.fill_between(epochs, low, high, color=colour, alpha=0.25, linewidth=0)
    marker = "o" if len(epochs) < 20 else None
    axis.plot(epochs, middle, color=colour, linewidth=1.2, marker=marker, markersize=3, label=label)
