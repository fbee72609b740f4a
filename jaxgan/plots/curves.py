"""The loss curves of a run."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.plots.figure import draw_grid_and_legend, literal, new_figure, save_figure


def save_curves(path: Path, rows: list[dict[str, Any]], title: str) -> None:
    """Plots both losses and D's mean probabilities over epochs.

    Args:
      rows: the rows of metrics.jsonl.
    """
    figure = new_figure(8, 7)
    losses, probabilities = figure.subplots(2, 1, sharex=True)
    epochs = [row["epoch"] for row in rows]
    for axis, name, label in (
        (losses, "disc/loss", "discriminator"),
        (losses, "gen/loss", "generator"),
        (probabilities, "disc/prob_real", "D(x), real images"),
        (probabilities, "disc/prob_fake", "D(G(z)), generated images"),
    ):
        # NaN leaves a gap in the line.
        values = [np.nan if row.get(name) is None else row[name] for row in rows]
        axis.plot(epochs, values, label=label, linewidth=1.2)
    losses.set_ylabel("loss (nats)")
    losses.set_title(literal(title))
    probabilities.set_ylabel("mean probability of real")
    probabilities.set_xlabel("epoch")
    probabilities.set_ylim(0, 1)
    for axis in (losses, probabilities):
        draw_grid_and_legend(axis)
    save_figure(path, figure)
