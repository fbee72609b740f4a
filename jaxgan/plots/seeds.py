"""A picture of many seeds: each quantity over training, as the median and quartiles of the runs."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from jaxgan.records import replace_file
from jaxgan.selection import distance_in, in_words

QUARTILES = (0.25, 0.5, 0.75)
LOSSES = {"disc/loss": "discriminator", "gen/loss": "generator"}


def save_bands(path: Path, runs: Sequence[list[dict[str, Any]]], title: str) -> None:
    """Writes the losses, and the held-out distance where it was measured, over epochs.

    `runs` are the rows of each. At every epoch the runs count that have a finite value there.
    """
    measured = [found[0] for rows in runs for row in rows if (found := distance_in(row))]
    panels = 2 if measured else 1
    figure, grid = plt.subplots(panels, 1, figsize=(8, 1 + 3 * panels), sharex=True, squeeze=False)
    losses = grid[0, 0]
    for place, (name, label) in enumerate(LOSSES.items()):
        _draw_band(losses, runs, name, label, f"C{place}")
    losses.set_ylabel("loss (nats)")
    losses.set_title(f"{title}\nmedian, and from the lower to the upper quartile")
    if measured:
        axis, name = grid[1, 0], measured[-1]
        _draw_band(axis, runs, name, f"{in_words(name)}, held out", "C2")
        axis.set_ylabel(name.removeprefix("eval/"), fontsize=8)
    for axis in grid.flat:
        axis.grid(alpha=0.3)
        axis.legend(loc="best")
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
