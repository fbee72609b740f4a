"""Builds the report page of one run or of several: one HTML file that loads nothing."""

import functools
import importlib.resources
import logging
import string
from collections.abc import Callable, Sequence
from pathlib import Path

from jaxgan import __version__
from jaxgan.reports.baselines import real_baseline
from jaxgan.reports.curves import curves_section
from jaxgan.reports.findings import findings_section
from jaxgan.reports.generators import forget_loaded
from jaxgan.reports.markup import note, text
from jaxgan.reports.nearest import nearest_section
from jaxgan.reports.overview import overview_html
from jaxgan.reports.playable import room_for
from jaxgan.reports.playground import playground_section
from jaxgan.reports.run import Run, read_run
from jaxgan.reports.samples import samples_section
from jaxgan.reports.scores import scores_section
from jaxgan.reports.sections import Section
from jaxgan.reports.settings import differences_section, reproduce_section
from jaxgan.reports.surfaces import surface_section
from jaxgan.reports.walks import walks_section
from jaxgan.runs.atomic_files import write_atomically

logger = logging.getLogger(__name__)
STATIC = importlib.resources.files("jaxgan.reports") / "static"
STYLES = ("uPlot.min.css", "page.css")
SCRIPTS = ("uPlot.iife.min.js", "page.js", "charts.js", "surfaces.js")
MOST_SEEDS = 4  # of many seeds, so many have pictures of their own
Builder = Callable[[Run], Section | None]


def write_page(workdirs: Sequence[Path], out: Path) -> None:
    """Writes the page of some runs; nothing else in their folders is changed.

    Raises:
      UserError: a folder holds no run, or its config cannot be read.
    """
    try:
        runs = read_runs(workdirs)
        write_atomically(out, render(runs, build_sections(runs)))
    finally:
        # A later page may be of the same run at a later step.
        forget_loaded()


def read_runs(workdirs: Sequence[Path]) -> list[Run]:
    """Reads runs under names and prefixes that are different for each."""
    names = _short_names(workdirs)
    return [
        read_run(workdir, name, f"run{index}")
        for index, (workdir, name) in enumerate(zip(workdirs, names, strict=True))
    ]


def build_sections(runs: Sequence[Run]) -> list[Section]:
    """Returns the sections of a page, in their order."""
    playground = functools.partial(playground_section, room=room_for(len(runs)))
    baselines = {run.prefix: real_baseline(run) for run in runs}
    found = [
        _of_each(findings_section, runs, singles=False),
        _of_each(samples_section, runs),
        _of_each(surface_section, runs),
        curves_section(runs, baselines),
        _of_each(scores_section, runs, singles=False),
        _of_each(playground, runs, singles=False),
        _of_each(walks_section, runs),
        _of_each(nearest_section, runs),
        differences_section(runs),
        reproduce_section(runs),
    ]
    return [section for section in found if section]


def render(runs: Sequence[Run], sections: Sequence[Section]) -> str:
    """Returns the page as HTML."""
    title = ", ".join(run.name for run in runs)
    styles = [*map(_static, STYLES), *(section.style for section in sections)]
    scripts = [*map(_static, SCRIPTS), *(section.script for section in sections)]
    return string.Template(_static("page.html")).substitute(
        title=text(title),
        version=text(__version__),
        overview=overview_html(runs),
        links="".join(f'<a href="#{text(s.id)}">{text(s.title)}</a>' for s in sections),
        sections="".join(map(_section_html, sections)),
        style="\n".join(_once(styles)),
        scripts="".join(f"<script>{script}</script>" for script in _once(scripts)),
    )


def _of_each(build: Builder, runs: Sequence[Run], singles: bool = True) -> Section | None:
    """Returns one section with what a builder shows of each run.

    Args:
      singles: whether each seed of many is a run of its own to the builder.
    """
    shown, more = [], ""
    for run in runs:
        seeds = list(run.seeds.values()) if singles else []
        shown += seeds[:MOST_SEEDS] or [run]
        if len(seeds) > MOST_SEEDS:
            more += note(f"{run.name}: the first {MOST_SEEDS} of {len(seeds)} seeds are shown.")
    parts = [(run, section) for run in shown if (section := build(run))]
    if not parts:
        return None
    first = parts[0][1]
    if len(parts) == 1:
        return first
    sections = [section for _, section in parts]
    html = "".join(
        f'<div><h3 class="run-name">{text(_full_name(run, runs))}</h3>{section.html}</div>'
        for run, section in parts
    )
    return Section(
        id=first.id,
        title=first.title,
        html=f'<div class="side">{html}</div>{more}',
        script="\n".join(_once([section.script for section in sections])),
        style="\n".join(_once([section.style for section in sections])),
        lead="".join(_once([section.lead for section in sections])),
    )


def _full_name(run: Run, runs: Sequence[Run]) -> str:
    """Returns the name of a run; that of a seed with its folder's, if there are several."""
    parent = next((other for other in runs if run in other.seeds.values()), None)
    return f"{parent.name}, {run.name}" if parent and len(runs) > 1 else run.name


def _section_html(section: Section) -> str:
    id = text(section.id)
    heading = f'<h2 id="{id}-title">{text(section.title)}</h2>'
    content = f"{heading}{section.lead}{section.html}"
    return f'<section id="{id}" aria-labelledby="{id}-title">{content}</section>\n'


def _short_names(workdirs: Sequence[Path]) -> list[str]:
    """Returns the folders' own names; with as much of their paths as tells them apart."""
    paths = [workdir.resolve().parts for workdir in workdirs]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(parts[-length:]) for parts in paths]
        if len(set(names)) == len(names):
            break
    return names


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _once(pieces: Sequence[str]) -> list[str]:
    """Returns the pieces that are not empty, each once."""
    return list(dict.fromkeys(filter(None, pieces)))
