"""Pictures of a run: grids of images, and curves over training."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image

from jaxgan.records import replace_file

matplotlib.use("agg")
import matplotlib.pyplot as plt

PADDING = 2  # pixels between the images of a grid
SIDE = 56  # smaller images are enlarged a whole number of times, up to about this
WHITE = 255


def save_grid(path: Path, pixels: np.ndarray) -> None:
    """Writes (n, height, width, 1 or 3) uint8 pixels as one nearly square PNG, row by row."""
    scale = max(1, SIDE // max(pixels.shape[1:3]))
    pixels = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, channels = pixels.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    cell_height, cell_width = height + PADDING, width + PADDING
    shape = (rows * cell_height + PADDING, columns * cell_width + PADDING, channels)
    canvas = np.full(shape, WHITE, np.uint8)
    for i, image in enumerate(pixels):
        top = PADDING + (i // columns) * cell_height
        left = PADDING + (i % columns) * cell_width
        canvas[top : top + height, left : left + width] = image
    picture = Image.fromarray(canvas.squeeze(-1) if channels == 1 else canvas)
    replace_file(path, lambda file: picture.save(file, format="png"))


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
