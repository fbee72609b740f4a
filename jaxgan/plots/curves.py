"""Curves of a run over training."""

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from jaxgan.runs.files import replace_file

matplotlib.use("agg")


def save_curves(path: Path, rows: list[dict[str, Any]], title: str) -> None:
    """Writes the losses and D's mean probabilities over epochs, from the rows of metrics.jsonl."""
    figure, (losses, probabilities) = plt.subplots(2, 1, figsize=(8, 7), sharex=True)
    epochs = [row["epoch"] for row in rows]
    for axis, name, label in (
        (losses, "disc/loss", "discriminator"),
        (losses, "gen/loss", "generator"),
        (probabilities, "disc/prob_real", "D(x), real images"),
        (probabilities, "disc/prob_fake", "D(G(z)), generated images"),
    ):
        values = [np.nan if row[name] is None else row[name] for row in rows]
        axis.plot(epochs, values, label=label, linewidth=1.2)
    losses.set_ylabel("loss (nats)")
    losses.set_title(title)
    probabilities.set_ylabel("mean probability of real")
    probabilities.set_xlabel("epoch")
    probabilities.set_ylim(0, 1)
    for axis in (losses, probabilities):
        axis.grid(alpha=0.3)
        axis.legend(loc="best")
    figure.tight_layout()
    replace_file(path, lambda file: figure.savefig(file, dpi=120, format="png"))
    plt.close(figure)
