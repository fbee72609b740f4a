"""Results of an evaluation as text, with distances beside their ratio to the real baseline."""

from collections.abc import Mapping
from typing import Any

from jaxgan.evaluation.scoring import set_label
from jaxgan.runs.seed_statistics import statistics_table
from jaxgan.runs.text import align, format_number


def table(result: Mapping[str, Any]) -> str:
    """Formats what `evaluate` returns: the protocol, then the scores against each split."""
    protocol = result["protocol"]
    lines = [_sets_line(protocol), _features_line(protocol), _notes_line(protocol)]
    for split in protocol["real"]:
        baseline = protocol["floor"].get(split, "none")
        title = f"against {protocol['real'][split]} (real baseline: {baseline})"
        columns = {set_label(name): _column(result, name, split) for name in result["metrics"]}
        lines += ["", title, *align(columns)]
    if histograms := result["histograms"]:
        columns = {
            name: {f"class {i}": format_number(value) for i, value in enumerate(fractions)}
            for name, fractions in histograms.items()
        }
        lines += ["", "fraction of the images in each class", *align(columns)]
    return "\n".join(lines)


def table_of_seeds(summary: Mapping[str, Any]) -> str:
    """Formats what `evaluate_seeds` returns: the protocol, then the statistics over seeds."""
    protocol = summary["protocol"]
    steps = ", ".join(f"{seed}: {step}" for seed, step in protocol["steps"].items())
    lines = [
        f"{protocol['data']}; {_numbers(protocol)}, evaluation seed {protocol['seed']}",
        _features_line(protocol),
        f"step of each seed: {steps}",
    ]
    for part, title in (("metrics", "over seeds"), ("ratios", "x real baseline, over seeds")):
        for name, statistics in summary[part].items():
            lines += ["", f"{name}, {title}", statistics_table(statistics)]
    return "\n".join(lines)


def _sets_line(protocol: Mapping[str, Any]) -> str:
    step = f"step {protocol['step']}, " if "step" in protocol else ""
    return f"{step}{protocol['data']}; {_numbers(protocol)}, seed {protocol['seed']}"


def _numbers(protocol: Mapping[str, Any]) -> str:
    if "num_reference" in protocol:
        return f"{protocol['num_samples']} images against {protocol['num_reference']}"
    return f"{protocol['num_samples']} samples in each set"


def _notes_line(protocol: Mapping[str, Any]) -> str:
    weights = f"generator: {protocol['weights']} weights; " if "weights" in protocol else ""
    if not protocol["floor"]:
        return f"{weights}no real baseline"
    return f"{weights}(n x): n times the real baseline, which is the score of real images"


def _features_line(protocol: Mapping[str, Any]) -> str:
    return f"features: {protocol['features']}, SHA-256 {protocol['features_sha256']}"


def _column(result: Mapping[str, Any], name: str, split: str) -> dict[str, str]:
    """Returns the scores of one generator, or of the real baseline, against one split."""
    ratios = result["ratios"].get(name, {})
    column = {}
    for key, value in result["metrics"][name].items():
        metric, *where = key.split("/")
        # A published name has no split: it belongs to the only set there is.
        if not where or where[0] == split:
            ratio = f" ({format_number(ratios[key])} x)" if key in ratios else ""
            column[metric] = format_number(value) + ratio
    return column
