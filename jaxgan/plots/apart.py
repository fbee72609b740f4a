"""How far two runs are apart, step by step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxgan.plots import plt
from jaxgan.records import replace_file


def save_apart(path: Path, apart: Sequence[Any]) -> None:
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
