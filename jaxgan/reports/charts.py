"""Line charts of a page: their data, a text for those who do not see them, and a table of values.

The script draws them with uPlot (static/uPlot.iife.min.js), which was chosen for its size: 51 kB,
while the smallest builds of ECharts, Vega, Plotly and Bokeh have 0.5 to 1.4 MB.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

from jaxgan.reports.markup import data_script, folded, table, text
from jaxgan.reports.thin import thin
from jaxgan.runs.text import format_number

TABLE_ROWS = 12  # of the table of values below a chart
Values = Sequence[float | None]  # None is a value that was not finite


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
      label: in the legend.
      colour: index of one of the page's colours; -1 is grey.
      style: "line", "dotted" or "faint".
      band: lower and upper limits of an area in the line's colour, or ().
    """

    label: str
    x: Sequence[float]
    y: Values
    colour: int = 0
    style: str = "line"
    band: tuple[Values, Values] | tuple[()] = ()


@dataclasses.dataclass(frozen=True)
class Chart:
    """A chart of lines over one horizontal axis.

    Attributes:
      title: says what the vertical axis shows, with its unit.
      limits: of the vertical axis; () lets the values decide.
      remark: a sentence below the chart.
    """

    title: str
    lines: tuple[Line, ...]
    x_label: str = "epoch"
    log: bool = False
    limits: tuple[float, float] | tuple[()] = ()
    remark: str = ""


def charts_html(charts: Iterable[Chart]) -> str:
    """Returns charts side by side where there is room."""
    return f'<div class="charts">{"".join(map(_chart_html, charts))}</div>'


def _chart_html(chart: Chart) -> str:
    chart, removed = _thin_chart(chart)
    remark = f"{chart.remark} {removed}".strip()
    below = f'<p class="remark">{text(remark)}</p>' if remark else ""
    head = f'<div class="chart-head"><h3>{text(chart.title)}</h3></div>'
    drawn = (
        f'<div class="chart" tabindex="0" role="group" aria-roledescription="interactive chart" '
        f'aria-label="{text(describe(chart))}"></div>'
    )
    values = folded("Values", _values_table(chart))
    data = data_script(dataclasses.asdict(chart), "chart")
    return f'<figure class="chart-box">{head}{drawn}{below}{values}{data}</figure>'


def describe(chart: Chart) -> str:
    """Returns a text that says what a chart shows, for those who do not see it."""
    parts = [f"{chart.title}, over {chart.x_label}."]
    for line in chart.lines:
        points = _finite_points(line)
        if line.style == "faint" or not points:
            continue
        (x0, first), (x1, last) = points[0], points[-1]
        values = [y for _, y in points]
        if min(values) == max(values):
            parts.append(f"{line.label}: always {_short(first)}.")
        else:
            parts.append(
                f"{line.label}: {_short(first)} at {_short(x0)}, {_short(last)} at {_short(x1)}, "
                f"lowest {_short(min(values))}, highest {_short(max(values))}."
            )
    return " ".join(parts)


def _thin_chart(chart: Chart) -> tuple[Chart, str]:
    """Returns a chart with few enough points for a page, and a sentence if it lost some."""
    lines, longest = [], 0
    for line in chart.lines:
        kept = thin(line.x, (line.y, *line.band))
        if len(kept) < len(line.x):
            longest = max(longest, len(line.x))
        x = [float(f"{line.x[index]:.6g}") for index in kept]
        y, *band = ([_rounded(values[i]) for i in kept] for values in (line.y, *line.band))
        limits = (band[0], band[1]) if band else ()
        lines.append(dataclasses.replace(line, x=x, y=y, band=limits))
    words = f"The lowest and highest of each few of {longest:,} points are drawn."
    return dataclasses.replace(chart, lines=tuple(lines)), words if longest else ""


def _values_table(chart: Chart) -> str:
    """Returns the values at a few evenly spaced positions of each line."""
    lines = [line for line in chart.lines if line.style != "faint" and line.x]
    positions = sorted(set(itertools.chain.from_iterable(line.x for line in lines)))
    step = max(1, math.ceil((len(positions) - 1) / (TABLE_ROWS - 1)))
    chosen = sorted({*positions[::step], *positions[-1:]})
    columns = [dict(zip(line.x, line.y, strict=True)) for line in lines]
    rows = [[_short(x), *(_cell(column, x) for column in columns)] for x in chosen]
    return table([chart.x_label, *(line.label for line in lines)], rows, chart.title)


def _cell(column: dict[float, Any], x: float) -> str:
    return format_number(column[x]) if x in column else ""


def _rounded(value: float | None) -> float | None:
    return float(f"{value:.5g}") if value is not None and math.isfinite(value) else None


def _finite_points(line: Line) -> list[tuple[float, float]]:
    pairs = zip(line.x, line.y, strict=True)
    return [(x, y) for x, y in pairs if y is not None and math.isfinite(y)]


def _short(value: float) -> str:
    return format_number(value)
