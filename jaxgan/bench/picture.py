"""Draws the cost of the classic GAN against its sizes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan.bench.request import CURVES
from jaxgan.plots.figure import draw_grid_and_legend, literal, new_figure, save_figure

MICROSECONDS = 1e6
PANEL = (5.0, 3.6)  # inches


def save_picture(path: Path, record: Mapping[str, Any]) -> bool:
    """Draws a panel for each case of CURVES that was measured.

    Args:
      record: of a bench, as `run_bench` returns it.

    Returns:
      False, without a file, if none was measured.
    """
    cases = record["cases"]
    drawn = [name for name in CURVES if "variants" in cases.get(name, {})]
    if not drawn:
        return False
    columns = min(2, len(drawn))
    rows = -(-len(drawn) // columns)
    figure = new_figure(PANEL[0] * columns, PANEL[1] * rows + 0.4, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    rate = record["machine"]["product_gflop_per_second"]["median"]
    for axis, name in zip(axes, drawn, strict=False):
        _draw_curve(axis, cases[name], rate * 1e9)
    for axis in axes[len(drawn) :]:
        axis.set_visible(False)
    figure.suptitle(literal(_title(record)), fontsize=10)
    save_figure(path, figure)
    return True


def _draw_curve(axis: Any, case: Mapping[str, Any], rate: float) -> None:
    """Draws medians with quartiles and, where they are known, the products at the machine's rate.

    Args:
      rate: floating-point operations per second.
    """
    variants = sorted(case["variants"].items(), key=lambda item: int(item[0]))
    sizes = [int(size) for size, _ in variants]
    medians = [found["median"] * MICROSECONDS for _, found in variants]
    quartiles = [[x * MICROSECONDS for x in found["quartiles"]] for _, found in variants]
    bars = [
        [median - low for median, (low, _) in zip(medians, quartiles, strict=True)],
        [high - median for median, (_, high) in zip(medians, quartiles, strict=True)],
    ]
    axis.errorbar(sizes, medians, bars, marker="o", capsize=3, label="median and quartiles")
    if flop := case["facts"].get("flop_per_image"):
        products = [flop[size] / rate * MICROSECONDS for size, _ in variants]
        axis.plot(sizes, products, "--", color="gray", label="its matrix products")
    axis.set(xscale="log", xlabel=case["facts"]["axis"])
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    # From 0, so that a flat curve looks flat.
    axis.set_ylim(bottom=0)
    _, _, per = case["unit"].partition(" per ")
    axis.set_ylabel(f"microseconds per {per}")
    draw_grid_and_legend(axis)


def _title(record: Mapping[str, Any]) -> str:
    versions, machine = record["versions"], record["machine"]
    device = ", ".join(record["devices"])
    rough = "; quick: too rough to compare" if record["quick"] else ""
    return (
        f"the classic GAN, jax {versions['jax']}, {device}, {machine['cores']} cores, "
        f"{record['date'][:10]}{rough}"
    )
