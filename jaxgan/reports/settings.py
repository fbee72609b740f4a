"""The sections on what made the runs: commands, settings, environment, and what differs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jaxgan.config.fields import iter_settings
from jaxgan.config.schema import Config
from jaxgan.reports.commands import training_command
from jaxgan.reports.markup import code, folded, note, table, text
from jaxgan.reports.run import Run
from jaxgan.reports.sections import Section
from jaxgan.runs.environment import MEMORY


def reproduce_section(runs: Sequence[Run]) -> Section:
    """Shows for each run the command that trains it again, its settings and its environment."""
    return Section("reproduce", "Reproduce", "".join(_run_html(run, runs) for run in runs))


def differences_section(runs: Sequence[Run]) -> Section | None:
    """Shows the settings, and what else was recorded, in which several runs differ."""
    if len(runs) == 1:
        return None
    rows = [
        *_differing([_settings(run.config) for run in runs], "config."),
        *_differing([_flatten(_environment(run)) for run in runs], ""),
    ]
    header = ["", *(run.name for run in runs)]
    html = _words(table(header, rows, "What differs between these runs"))
    if not rows:
        html = note("These runs have the same settings and the same environment.")
    return Section("differences", "What differs", html)


def _run_html(run: Run, runs: Sequence[Run]) -> str:
    heading = f'<h3 class="run-name">{text(run.name)}</h3>' if len(runs) > 1 else ""
    workdir = run.workdir.with_name(f"{run.workdir.name}_again")
    lead = f"<p>{text(_made_with(run))}</p>"
    settings = _settings(run.config)
    defaults = _settings(Config())
    rows = [
        [name, repr(value), _default(name, value, defaults)] for name, value in settings.items()
    ]
    changed = sum(value != defaults[name] for name, value in settings.items())
    config = _words(table(["setting", "value", "default"], rows, "Every setting"))
    environment = _words(
        table(["", "recorded"], _flatten(_environment(run)).items(), "Environment")
    )
    return (
        f"{heading}{lead}{code(training_command(run.config, workdir))}"
        + folded(f"All settings ({changed} differ from the defaults)", config)
        + (folded("Environment", environment) if run.environment else "")
    )


def _made_with(run: Run) -> str:
    again = "This command trains the same config again."
    versions = run.environment.get("versions") or {}
    commit = run.environment.get("git_commit") or ""
    if not versions:
        return f"{again} The versions of the run are not recorded."
    names = ", ".join(f"{name} {versions[name]}" for name in ("jaxgan", "jax") if name in versions)
    at = f" (commit {commit[:12]})" if commit else ""
    devices = ", ".join(map(str, run.environment.get("devices", ())))
    return f"{again} The run was made with {names}{at} on {devices}."


def _differing(records: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[list[str]]:
    """Yields a row for each entry that is not the same in all records."""
    for name in dict.fromkeys(name for record in records for name in record):
        values = [record.get(name) for record in records]
        if any(value != values[0] for value in values):
            yield [prefix + name, *("" if value is None else str(value) for value in values)]


def _environment(run: Run) -> dict[str, Any]:
    return {name: value for name, value in run.environment.items() if name != MEMORY}


def _settings(config: Config) -> dict[str, Any]:
    return {name: value for name, _, value in iter_settings(config)}


def _default(name: str, value: Any, defaults: Mapping[str, Any]) -> str:
    return repr(defaults[name]) if value != defaults[name] else ""


def _flatten(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested entries by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _words(html: str) -> str:
    """Returns a table whose cells hold words, which are set from the left."""
    return f'<div class="words">{html}</div>'
