"""Runs the cases of a request, and records them with all that they depend on."""

import datetime
import importlib.util
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from jaxgan import __version__
from jaxgan.bench.cases import CASES
from jaxgan.bench.machine import describe_machine
from jaxgan.bench.picture import save_picture
from jaxgan.bench.request import CASES as TITLES
from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import case_record, case_table
from jaxgan.bench.timing import reason
from jaxgan.parallel.devices import visible_devices
from jaxgan.runs.atomic_files import write_json
from jaxgan.runs.environment import describe_environment

BUSY = 0.5  # load above which other work may slow what is timed


def run_bench(
    request: BenchRequest,
    command: str,
    show: Callable[[str], None],
    json: Path | None = None,
    picture: Path | None = None,
) -> dict[str, Any]:
    """Measures each case, and shows its table as soon as it is measured.

    A case that fails is recorded with its reason, and the others go on.

    Args:
      command: what was typed, for the record.
      show: takes the text.
      json: where the record goes, after each case.
      picture: where the curves go, at the end.
    """
    record = describe_bench(request, command)
    show(_machine_line(record))
    for name in request.cases:
        # Hours of other results must not be lost with one case.
        try:
            record["cases"][name] = case_record(CASES[name](request))
        except Exception as error:
            record["cases"][name] = {"failed": reason(error)}
        show("\n" + case_table(f"{name}: {TITLES[name]}", record["cases"][name]))
        if json:
            write_json(json, record)
    if picture and not save_picture(picture, record):
        show(f"\n{picture}: not drawn, since no case with a curve was measured")
    return record


def describe_bench(request: BenchRequest, command: str) -> dict[str, Any]:
    """Returns the record before its first case."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    environment = describe_environment(visible_devices()[:1], {})
    del environment["data"]
    system = environment.pop("machine")
    # A checkout that is not installed has no metadata.
    environment["versions"]["jaxgan"] = __version__
    if importlib.util.find_spec("torch"):
        environment["versions"]["torch"] = metadata.version("torch")
    machine = describe_machine(request.rounds, request.quick)
    return {
        "command": command,
        "date": now,
        **environment,
        "machine": {"system": system, **machine},
        "rounds": request.rounds,
        "quick": request.quick,
        "cases": {},
    }


def failed_cases(record: dict[str, Any]) -> list[str]:
    """Returns the names of the cases that could not be measured."""
    return [name for name, case in record["cases"].items() if "failed" in case]


def _machine_line(record: dict[str, Any]) -> str:
    machine = record["machine"]
    rates = [machine[f"{name}_per_second"]["median"] for name in ("product_gflop", "memory_gb")]
    lines = [
        f"jax {jax.__version__} on {', '.join(record['devices'])}; {machine['cores']} cores, "
        f"{machine['processor'] or 'processor not known'}",
        f"large matrix products {rates[0]:.0f} GFLOP/s, memory {rates[1]:.1f} GB/s; "
        f"rounds: {record['rounds']}",
    ]
    if (load := machine["load"]) and load > BUSY:
        lines.append(
            f"warning: the load was {load} in the minute before; if other work still runs, the "
            "timings below are not to be kept"
        )
    return "\n".join(lines)
