"""The result of a case: its record in JSON, and its table."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from jaxgan.bench.timing import Timings, ratios, summarise
from jaxgan.runs.text import align

BYTES, SECONDS = "bytes", "seconds"


@dataclasses.dataclass(frozen=True)
class CaseResult:
    """Holds what was measured in a case.

    Attributes:
      unit: of the values, such as "seconds per step".
      rounds: the values of each round, by variant.
      left_out: the reason in one line, by variant that failed.
      reference: the variant that the others are divided by; "" if ratios have no meaning.
      facts: what the values depend on, such as the floating-point operations of a step.
    """

    unit: str
    rounds: Mapping[str, list[float]]
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    reference: str = ""
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def timed_result(unit: str, timings: Timings, **facts: Any) -> CaseResult:
    """Returns a result whose reference is the first variant."""
    return CaseResult(unit, timings.rounds, timings.left_out, next(iter(timings.rounds)), facts)


def case_record(result: CaseResult) -> dict[str, Any]:
    """Returns the record of a case: per variant the value and the ratio of each round."""
    reference = result.reference
    compared = ratios(result.rounds, reference) if reference else {}
    return {
        "unit": result.unit,
        "variants": {name: summarise(values) for name, values in result.rounds.items()},
        "reference": reference,
        "ratios": {name: summarise(values) for name, values in compared.items()},
        "left_out": dict(result.left_out),
        "facts": dict(result.facts),
    }


def case_table(title: str, record: Mapping[str, Any]) -> str:
    """Returns the record of a case as a table: median, quartiles, ratio to the reference."""
    if "failed" in record:
        return f"{title}\n  failed: {record['failed']}"
    unit, reference = record["unit"], record["reference"]
    quantity, _, per = unit.partition(" per ")
    show = _readable_bytes if quantity == BYTES else _readable_seconds
    variants, compared = record["variants"], record["ratios"]
    columns = {
        "median": {name: show(found["median"]) for name, found in variants.items()},
        "quartiles": {name: _range(found, show) for name, found in variants.items()},
    }
    if per:
        columns["per second"] = {
            name: f"{1 / found['median']:,.0f}" for name, found in variants.items()
        }
    if compared:
        columns[f"/ {reference}"] = {
            name: f"{compared[name]['median']:.3f}" if name in compared else "1"
            for name in variants
        }
        columns["its quartiles"] = {
            name: _range(compared[name], "{:.3f}".format) if name in compared else ""
            for name in variants
        }
    left_out = [f"left out: {name}: {why}" for name, why in record["left_out"].items()]
    lines = [*align(columns), *left_out]
    return "\n".join([f"{title}; {unit}", *(f"  {line}".rstrip() for line in lines)])


def _range(found: Mapping[str, Any], show: Callable[[float], str]) -> str:
    low, high = found["quartiles"]
    return f"{show(low)} to {show(high)}"


def _readable_seconds(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _readable_bytes(count: float) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
