"""Plots that compare runs: parameter distance of two runs, and metric quartiles over seeds."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.plots.figure import draw_grid_and_legend, literal, new_figure, save_figure
from jaxgan.runs.checkpoint_ref import distance_in, distance_label, distance_set

QUARTILES = (0.25, 0.5, 0.75)
LOSSES = {"disc/loss": "D's loss (nats)", "gen/loss": "G's loss (nats)"}
Rows = list[dict[str, Any]]


def save_divergence(path: Path, drifts: Sequence[Any]) -> None:
    """Plots |a - b| / |a| of both players' parameters over the steps, on a logarithmic axis.

    Args:
      drifts: `Drift` entries of `reproducibility.divergence`. Those of replayed steps are drawn as
        lines, those of checkpoints as points.
    """
    figure = new_figure(8, 4.5)
    axis = figure.subplots()
    for player, label, colour in (("disc", "D", "tab:blue"), ("gen", "G", "tab:orange")):
        for replayed, style, source in ((True, "-", "replayed"), (False, "o", "checkpoints")):
            # Zero has no place on a logarithmic axis.
            drawn = [d for d in drifts if d.replayed == replayed and getattr(d, player) > 0]
            if drawn:
                values = [getattr(drift, player) for drift in drawn]
                steps = [drift.step for drift in drawn]
                axis.plot(steps, values, style, color=colour, label=f"{label}, {source}")
    axis.set(xlabel="step", ylabel="|a - b| / |a|, all parameters", yscale="log")
    draw_grid_and_legend(axis)
    save_figure(path, figure)


def save_bands(path: Path, groups: Mapping[str, Sequence[Rows]], title: str) -> None:
    """Plots median and quartiles over seeds of both losses and of the held-out distance, if any.

    Args:
      groups: for each group of runs, by its name in the legend, the metric rows of every run.
    """
    names = dict.fromkeys(LOSSES)
    all_rows = (row for runs in groups.values() for rows in runs for row in rows)
    names |= {distance[0]: None for row in all_rows if (distance := distance_in(row))}
    figure = new_figure(8, 1 + 2.5 * len(names))
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(axes, names, strict=True):
        for index, (label, runs) in enumerate(groups.items()):
            _draw_band(axis, runs, name, literal(label) if len(groups) > 1 else "", f"C{index}")
        axis.set_ylabel(LOSSES.get(name) or f"{distance_label(name)}\nto {distance_set(name)}")
        draw_grid_and_legend(axis)
    axes[0].set_title(literal(f"{title}\nmedian, and from the lower to the upper quartile"))
    axes[-1].set_xlabel("epoch")
    save_figure(path, figure)


def quartiles_by_epoch(runs: Iterable[Rows], name: str) -> tuple[list[float], np.ndarray]:
    """Returns epochs, and quartiles (epochs, 3) over the runs that have a finite value there."""
    values = values_by_epoch(runs, name)
    epochs = sorted(values)
    quartiles = [np.quantile(values[epoch], QUARTILES) for epoch in epochs]
    return epochs, np.array(quartiles).reshape(-1, len(QUARTILES))


def values_by_epoch(runs: Iterable[Rows], name: str) -> dict[float, list[float]]:
    """Returns the finite values that the runs have at each epoch, or part of one."""
    values: dict[float, list[float]] = {}
    for row in itertools.chain.from_iterable(runs):
        if row.get(name) is not None:
            values.setdefault(row["epoch"], []).append(row[name])
    return values


def _draw_band(axis: Any, runs: Iterable[Rows], name: str, label: str, colour: str) -> None:
    epochs, quartiles = quartiles_by_epoch(runs, name)
    low, middle, high = quartiles.T
    axis.fill_between(epochs, low, high, color=colour, alpha=0.25, linewidth=0)
    # A line through a single point would not be seen.
    marker = "o" if len(epochs) < 20 else None
    axis.plot(epochs, middle, color=colour, linewidth=1.2, marker=marker, markersize=3, label=label)
