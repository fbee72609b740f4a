"""The section with the diagnosis of a run: a verdict, and the figures that each sentence has."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from jaxgan.config.errors import UserError
from jaxgan.reports.markup import text, words
from jaxgan.reports.run import Run
from jaxgan.reports.sections import Section
from jaxgan.runs.atomic_files import read_json
from jaxgan.runs.checkpoint_ref import evaluation_file
from jaxgan.runs.diagnosis import Finding, RunRecord, diagnose

LABELS = {"good": "Good", "note": "Note", "warning": "Warning"}


def findings_section(run: Run) -> Section:
    """Answers the questions that people ask of a run; of many seeds, says which have warnings."""
    html = _seeds_html(run) if run.seeds else _run_html(_diagnose(run), run.workdir)
    return Section("diagnosis", "Diagnosis", html)


def _run_html(findings: Sequence[Finding], workdir: Path) -> str:
    warnings = [finding for finding in findings if finding.level == "warning"]
    answers = "".join(_finding_html(finding, workdir) for finding in findings)
    return f'{_verdict(warnings)}<dl class="findings">{answers}</dl>'


def _verdict(warnings: Sequence[Finding]) -> str:
    """Returns the first words of each warning, or that there is none."""
    if not warnings:
        return '<p class="verdict good">No warning about this run.</p>'
    first = " ".join(f"{finding.sentence.partition(':')[0].rstrip('.')}." for finding in warnings)
    return f'<p class="verdict warning">{text(first)}</p>'


def _finding_html(finding: Finding, workdir: Path) -> str:
    advice = (
        f'<p class="advice">{words(_mark_code(finding.advice, workdir))}.</p>'
        if finding.advice
        else ""
    )
    names = ", ".join(finding.figures)
    source = f'<p class="source">{text(names)}</p>' if names else ""
    return (
        f'<div class="finding is-{finding.level}"><dt><span class="level">{LABELS[finding.level]}'
        f"</span>{text(finding.question)}</dt>"
        f"<dd><p>{text(finding.sentence)}</p>{advice}{source}</dd></div>"
    )


def _seeds_html(run: Run) -> str:
    """Returns the warnings of each seed; seeds without one are only counted."""
    found = {seed: _diagnose(single) for seed, single in run.seeds.items()}
    warned = {
        seed: [finding for finding in findings if finding.level == "warning"]
        for seed, findings in found.items()
    }
    healthy = sum(not warnings for warnings in warned.values())
    level = "good" if healthy == len(found) else "warning"
    head = f'<p class="verdict {level}">{healthy} of {len(found)} seeds have no warning.</p>'
    answers = "".join(
        f'<h3 class="run-name">seed {seed}</h3><dl class="findings">'
        f"{''.join(_finding_html(x, run.seeds[seed].workdir) for x in warnings)}</dl>"
        for seed, warnings in warned.items()
        if warnings
    )
    return head + answers


def _diagnose(run: Run) -> list[Finding]:
    return diagnose(RunRecord(run.config, run.rows, _evaluation(run), run.data))


def _evaluation(run: Run) -> dict[str, object]:
    path = run.workdir / evaluation_file("last")
    try:
        found = read_json(path) if path.is_file() else {}
    except UserError:
        return {}  # the section with the evaluation says so
    return found if isinstance(found, dict) else {}


def _mark_code(advice: str, workdir: Path) -> str:
    """Returns an advice without its full stop, for this run, and with settings marked as code."""
    advice = advice.rstrip(".").replace("--workdir RUN", f"--workdir {shlex.quote(str(workdir))}")
    # What is marked already is left as it is.
    return re.sub("`[^`]*`|--[^ ,;]+", lambda found: f"`{found[0].strip('`')}`", advice)
