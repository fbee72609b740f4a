"""The scores of an evaluation as lines of text, distances beside their ratio to the floor."""

from collections.abc import Mapping
from typing import Any

from jaxgan.runs.text import align, format_number


def table(result: Mapping[str, Any]) -> str:
    """The protocol, then each split's scores, distances with their ratio to the floor."""
    protocol = result["protocol"]
    lines = [
        f"step {protocol['step']}, {protocol['data']}; N = {protocol['num_samples']} a set, "
        f"seed {protocol['seed']}",
        f"features: {protocol['features']}, SHA-256 {protocol['features_sha256']}",
        f"generator: {protocol['weights']} weights; (n x): n times the floor, which real ones "
        "score",
    ]
    for split in protocol["real"]:
        title = f"against {protocol['real'][split]} (floor: {protocol['floor'][split]})"
        columns = {who: _column(result, who, split) for who in result["metrics"]}
        lines += ["", title, *align(columns)]
    if histograms := result["histograms"]:
        columns = {
            who: {f"class {i}": format_number(part) for i, part in enumerate(parts)}
            for who, parts in histograms.items()
        }
        lines += ["", "fraction of the images in each class", *align(columns)]
    return "\n".join(lines)


def _column(result: Mapping[str, Any], who: str, split: str) -> dict[str, str]:
    """Value by metric: of one generator, or of the floor, against one split."""
    times = result["ratios"].get(who, {})
    column = {}
    for name, value in result["metrics"][who].items():
        metric, of, *_ = name.split("/")
        if of == split:
            over = f" ({format_number(times[name])} x)" if name in times else ""
            column[metric] = format_number(value) + over
    return column
