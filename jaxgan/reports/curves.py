"""The sections with curves: losses, D's probabilities, evaluations, gradient norms."""

from collections.abc import Iterable, Mapping, Sequence

from jaxgan.plots.comparisons import quartiles_by_epoch
from jaxgan.plots.diagnostics import PANELS, Panel, series
from jaxgan.reports.charts import Chart, Line, charts_html
from jaxgan.reports.markup import note
from jaxgan.reports.run import Row, Run
from jaxgan.reports.sections import Section
from jaxgan.runs.seed_statistics import is_number

TRAINING = (
    Panel("Losses (nats)", {"disc/loss": "discriminator", "gen/loss": "generator"}),
    Panel(
        "D's mean probability of real",
        {"disc/prob_real": "D(x), real", "disc/prob_fake": "D(G(z)), generated"},
        limits=(0.0, 1.0),
        level=(0.5, "D cannot tell"),
    ),
)
SPREAD = Panel(
    "Spread of the samples, over that of real examples (ratio)",
    {"samples/spread": "samples"},
    level=(1.0, "as different from each other as real ones"),
)
MOST_SEEDS = 12  # of which each has a line of its own
# Shown below a chart by the beginning of its metric's name.
REMARKS = {
    "eval/frechet": "Lower is better. The dotted line is the same distance for real data.",
    "eval/mode_distance": "Lower is better. The dotted line is the same distance for real data.",
}
Baselines = Mapping[str, Mapping[str, float]]  # by run, then by the full name of a metric


def curves_section(runs: Sequence[Run], baselines: Baselines) -> Section:
    """Shows the training curves and the evaluations of all runs, each as a chart.

    Args:
      baselines: by `Run.prefix`, the scores of real data in place of generated ones.
    """
    panels = (*TRAINING, *PANELS, SPREAD)
    charts = [chart for panel in panels for chart in _charts(panel, runs, baselines)]
    lead = (
        '<p class="help">Hover to read values. Drag to zoom, double-click to zoom out. By '
        "keyboard: arrows move the marker, + and &minus; zoom, 0 zooms out.</p>"
    )
    missing = "".join(_missing(run) for run in runs)
    html = f"{lead}{charts_html(charts)}" if charts else ""
    return Section("curves", "Curves", html + missing)


def _charts(panel: Panel, runs: Sequence[Run], baselines: Baselines) -> Iterable[Chart]:
    """Yields one chart of a single run; with several runs, one for each of the panel's lines."""
    names = [name for name in panel.lines if any(_has(run, name) for run in runs)]
    groups = [[name] for name in names] if len(runs) > 1 else [names]
    for group in filter(None, groups):
        title = _capital(panel.label)
        if len(runs) > 1 and len(panel.lines) > 1:
            title = f"{title}: {panel.lines[group[0]]}"
        lines = [
            line
            for index, (name, run) in enumerate((name, run) for name in group for run in runs)
            for line in _lines(run, name, _label(panel, name, run, runs), index)
        ]
        lines += _levels(panel, lines)
        lines += _baseline_lines(group, runs, baselines, lines)
        remark = next((REMARKS[name] for name in group if name in REMARKS), "")
        # Only a line at the baseline explains it.
        remark = remark if any("real data" in line.label for line in lines) else ""
        yield Chart(title, tuple(lines), "epoch", panel.log, panel.limits or (), remark)


def _label(panel: Panel, name: str, run: Run, runs: Sequence[Run]) -> str:
    return run.name if len(runs) > 1 else panel.lines[name]


def _lines(run: Run, name: str, label: str, colour: int) -> Iterable[Line]:
    """Yields the line of a run; of many seeds the median with a band, and each as a faint line."""
    if not run.seeds:
        epochs, values = _values(run.rows, name)
        if values:
            yield Line(label, epochs, values, colour)
        return
    found = {seed: _values(single.rows, name) for seed, single in run.seeds.items()}
    full = _full_name([row for single in run.seeds.values() for row in single.rows], name)
    if full is None:
        return
    epochs, quartiles = quartiles_by_epoch((single.rows for single in run.seeds.values()), full)
    if not len(quartiles):
        return
    low, middle, high = quartiles.T.tolist()
    yield Line(f"{label}: median", epochs, middle, colour, band=(low, high))
    for seed, (x, y) in list(found.items())[:MOST_SEEDS]:
        if y:
            yield Line(f"{label}: seed {seed}", x, y, colour, "faint")


def _values(rows: list[Row], name: str) -> tuple[list[float], list[float | None]]:
    """Returns epochs and values of a metric; None where one was not finite."""
    full = _full_name(rows, name)
    chosen = [(row["epoch"], row[full]) for row in rows if full and is_number(row.get(full, ""))]
    return [epoch for epoch, _ in chosen], [value for _, value in chosen]


def _full_name(rows: list[Row], name: str) -> str | None:
    """Returns the newest name of a metric with this beginning that has values: one protocol's."""
    for row in reversed(rows):
        for key, value in row.items():
            if (key == name or key.startswith(f"{name}/")) and not isinstance(value, list | dict):
                return key
    return None


def _has(run: Run, name: str) -> bool:
    return any(series(single.rows, name)[1] for single in (run, *run.seeds.values()))


def _levels(panel: Panel, lines: Sequence[Line]) -> list[Line]:
    """Returns the panel's dotted horizontal line across the range of the other lines."""
    return [_level(lines, *panel.level)] if panel.level and lines else []


def _baseline_lines(
    names: Iterable[str], runs: Sequence[Run], baselines: Baselines, lines: Sequence[Line]
) -> list[Line]:
    """Returns a dotted line at the score of real data, for the metrics that have one."""
    found: dict[str, float] = {}
    for run in runs:
        rows = [row for single in (run, *run.seeds.values()) for row in single.rows]
        for name in names:
            full = _full_name(rows, name)
            if full and full in baselines.get(run.prefix, {}):
                label = "real data" if len(runs) == 1 else f"real data ({run.name})"
                found[label] = baselines[run.prefix][full]
    # Runs on the same data have the same baseline.
    if len(runs) > 1 and len(set(found.values())) == 1:
        found = {"real data": next(iter(found.values()))}
    return [_level(lines, value, label) for label, value in found.items()] if lines else []


def _level(lines: Sequence[Line], value: float, label: str) -> Line:
    ends = [x for line in lines for x in (line.x[0], line.x[-1])]
    return Line(label, [min(ends), max(ends)], [value, value], -1, "dotted")


def _missing(run: Run) -> str:
    rows = [row for single in (run, *run.seeds.values()) for row in single.rows]
    if not rows:
        return note(f"{run.name}: no metrics have been written yet.")
    if not any(name.startswith("eval/") for row in rows for name in row):
        return note(
            f"{run.name}: nothing was evaluated during training, so there are no distances here.",
            "Train with --config.evaluate.every=5, also to resume this run.",
        )
    return ""


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]
