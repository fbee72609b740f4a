"""The section with a run's evaluation: scores beside those of real data, and classes."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.evaluation.scoring import REAL_BASELINE, set_label
from jaxgan.reports.markup import note, table, text
from jaxgan.reports.run import Run
from jaxgan.reports.sections import Section
from jaxgan.runs import seed_statistics
from jaxgan.runs.atomic_files import read_json
from jaxgan.runs.diagnosis.record import is_finite
from jaxgan.runs.text import format_number

MOST_BARS = 100  # classes of a histogram


def scores_section(run: Run) -> Section:
    """Shows what `evaluate` has written, and the classes of the newest samples."""
    names = run.data.get("class_names") or ()
    html = "".join(_file_html(path, names) for path in _files(run.workdir))
    if not html:
        folder = shlex.quote(str(run.workdir))
        html = note(
            "There is no evaluation of this run yet.",
            f"`jaxgan evaluate --workdir {folder}` writes one, with the scores of real data.",
        )
    if '<dl class="bars' not in html:
        html += _newest_classes(run)
    return Section("evaluation", "Evaluation", html + _last_rows_of_seeds(run))


def _files(workdir: Path) -> list[Path]:
    return [path for path in sorted(workdir.glob("evaluation*.json")) if path.is_file()]


def _file_html(path: Path, names: Sequence[str]) -> str:
    try:
        result = read_json(path)
        if "steps" in result["protocol"]:
            return _seeds_html(result)
        return _scores_html(result, names)
    except UserError as error:
        return note(f"{error}", "Evaluate again to replace it.")
    # A damaged file can be any JSON.
    except (KeyError, TypeError, AttributeError, ValueError, IndexError):
        return note(f"{path}: is damaged.", "Evaluate again to replace it.")


def _scores_html(result: Mapping[str, Any], names: Sequence[str]) -> str:
    """Returns a table for each split, and the histogram of classes."""
    protocol, metrics = result["protocol"], result["metrics"]
    lead = f"<p>{text(_protocol_words(protocol))}</p>"
    tables = []
    for split, images in protocol["real"].items():
        header = ["score", *(set_label(name) for name in metrics)]
        fakes = [name for name in metrics if name != REAL_BASELINE and result["ratios"].get(name)]
        header += [f"{set_label(name)} / baseline" for name in fakes]
        rows = _score_rows(result, split, fakes)
        baseline = protocol["floor"].get(split)
        beside = f"; the real baseline is {baseline}" if baseline else "; without a real baseline"
        tables.append(table(header, rows, f"Against {images}{beside}"))
    return lead + "".join(tables) + _histogram(result["histograms"], names)


def _score_rows(result: Mapping[str, Any], split: str, fakes: Sequence[str]) -> list[list[Any]]:
    metrics = result["metrics"]
    keys = dict.fromkeys(key for scores in metrics.values() for key in scores)
    rows = []
    for key in keys:
        name, *where = key.split("/")
        # A published name has no split: it belongs to the only set there is.
        if where and where[0] != split:
            continue
        cells: list[Any] = [name.replace("_", " ")]
        cells += [
            format_number(scores[key]) if key in scores else "" for scores in metrics.values()
        ]
        ratios = [result["ratios"][fake].get(key, "") for fake in fakes]
        cells += [ratio if ratio == "" else f"{format_number(ratio)} x" for ratio in ratios]
        rows.append(cells)
    return rows


def _protocol_words(protocol: Mapping[str, Any]) -> str:
    step = f"Step {protocol['step']:,}: " if "step" in protocol else ""
    weights = f"; {protocol['weights']} weights" if "weights" in protocol else ""
    return (
        f"{step}{protocol['num_samples']:,} samples of seed {protocol['seed']}, in the features "
        f"{protocol['features']} (SHA-256 {protocol['features_sha256'][:8]}){weights}. "
        "The real baseline is the score of other real data in place of samples."
    )


def _last_rows_of_seeds(run: Run) -> str:
    """Returns the statistics of the last row of each seed that is at the end, and its values."""
    if not run.seeds:
        return ""
    try:
        last_step = seed_statistics.final_step(run.workdir, run.config)
    except UserError as error:
        return note(str(error))
    rows = {seed: single.rows for seed, single in run.seeds.items()}
    summary = seed_statistics.summarise(run.config, rows, last_step, {})
    if not summary["finished"]:
        return note("No seed has reached the last step yet, so there are no statistics over them.")
    caption = f"At the end of training, over {len(summary['finished'])} seeds"
    return _statistics_table(summary["metrics"], summary["finished"], caption)


def _statistics_table(
    metrics: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[Any],
    caption: str,
    baseline: Mapping[str, Any] | None = None,
) -> str:
    """Returns mean, spread and median of each metric, the real baseline, and each seed's value."""
    columns = ("mean", "std", "median")
    header = ["", *columns, *(["real"] if baseline else []), *(f"seed {seed}" for seed in seeds)]
    rows = []
    for name, found in metrics.items():
        cells = [_cell(found[column]) for column in columns]
        cells += [_cell(baseline.get(name))] if baseline else []
        cells += [_cell(found["values"].get(str(seed))) for seed in seeds]
        # The part behind "/n" is the protocol, which the text above the table has.
        rows.append([name.split("/n")[0].replace("_", " "), *cells])
    return table(header, rows, caption)


def _seeds_html(summary: Mapping[str, Any]) -> str:
    """Returns the statistics over seeds, and the score of each seed."""
    protocol, floor = summary["protocol"], summary["floor"]
    seeds = list(protocol["steps"])
    tables = [
        _statistics_table(metrics, seeds, f"{set_label(name)}, over {len(seeds)} seeds", floor)
        for name, metrics in summary["metrics"].items()
    ]
    return f"<p>{text(_protocol_words(protocol))}</p>{''.join(tables)}"


def _newest_classes(run: Run) -> str:
    """Returns the classes of the samples in the newest evaluation during training."""
    for row in reversed(run.rows):
        for name, fractions in row.items():
            is_histogram = name.startswith(("eval/class_fractions/", "eval/mode_fractions/"))
            if is_histogram and _are_fractions(fractions):
                counts = run.data.get("class_counts") or []
                total = sum(counts)
                found = {"generated": fractions}
                if total and len(counts) == len(fractions):
                    found["training data"] = [count / total for count in counts]
                lead = f"<p>During training, at epoch {row['epoch']:g}:</p>"
                kind = name.removeprefix("eval/").partition("_")[0]
                return lead + _histogram(found, run.data.get("class_names") or (), kind)
    return ""


def _are_fractions(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_finite, value))


def _histogram(
    histograms: Mapping[str, Sequence[float]], names: Sequence[str], kind: str = "class"
) -> str:
    """Returns the fraction of each set in each class or mode, as bars."""
    if not histograms:
        return ""
    first = next(iter(histograms))
    # The splits of the real data differ by little; one of them is enough to compare with.
    real = [name for name in histograms if name != first][-1:]
    shown = {name: histograms[name] for name in (first, *real)}
    largest = max(max(fractions) for fractions in shown.values()) or 1.0
    count = min(len(histograms[first]), MOST_BARS)
    rows = []
    for index in range(count):
        label = names[index] if index < len(names) else f"{kind} {index}"
        bars = "".join(
            _bar(name, fractions[index], largest, name == first)
            for name, fractions in shown.items()
        )
        rows.append(f'<dt class="name">{text(label)}</dt><dd class="pair">{bars}</dd>')
    more = len(histograms[first]) - count
    rest = note(f"{more} more are not shown.") if more else ""
    legend = ", below it ".join(shown)
    return (
        f'<h3 class="run-name">Fraction in each {text(kind)}: {text(legend)}</h3>'
        f'<dl class="bars">{"".join(rows)}</dl>{rest}'
    )


def _bar(name: str, fraction: float, largest: float, generated: bool) -> str:
    kind = "value generated" if generated else "value"
    return (
        f'<span class="{kind}" title="{text(name)}: {fraction:.2%}">'
        f'<span class="fill" style="--part:{fraction / largest:.4f}"></span>'
        f'<span class="unseen">{text(name)} </span>{fraction:.1%}</span>'
    )


def _cell(value: float | None) -> str:
    return "" if value is None else format_number(value)
