"""Compares two run directories, apart from what depends on the machine and the clock."""

import re
from pathlib import Path
from typing import Any

from jaxgan.runs import checkpoints, layout


def compare(whole: Path, killed: Path) -> list[str]:
    """Returns a line for each file that differs between two run directories."""
    ours, theirs = contents(whole), contents(killed)
    found = [f"{killed}: {name} is missing" for name in ours.keys() - theirs.keys()]
    found += [f"{killed}: {name} is too many" for name in theirs.keys() - ours.keys()]
    common = ours.keys() & theirs.keys()
    return sorted(
        found + [f"{killed}: {name} differs" for name in common if ours[name] != theirs[name]]
    )


def contents(workdir: Path) -> dict[str, Any]:
    """Returns every file of a run directory by name, without what depends on machine and clock.

    A checkpoint, whose files hold times, is the SHA-256 of its leaves and its score.
    """
    found: dict[str, Any] = {}
    for folder in [path.parent for path in workdir.rglob(layout.CONFIG)]:
        if (folder / layout.CHECKPOINTS).exists():
            name = folder.relative_to(workdir)
            found |= {str(name / step): what for step, what in _checkpoints(folder).items()}
    for path in workdir.rglob("*"):
        name = str(path.relative_to(workdir))
        if path.is_dir() or re.search(r"(checkpoints|best)/\d+/", name):
            continue
        content = path.read_bytes()
        if path.name == layout.METRICS:
            content = re.sub(rb'"seconds": [^,}]+', b"", content)
        depends = path.name in (layout.ENVIRONMENT, layout.LOCK, layout.WRITER)
        found[name] = b"" if depends else content
    return found


def _checkpoints(workdir: Path) -> dict[str, tuple[str, dict[str, float]]]:
    found = {}
    _, _, like = checkpoints.load_run(workdir)
    for directory in (layout.CHECKPOINTS, layout.BEST_CHECKPOINT):
        for step in checkpoints.steps(workdir / directory):
            state = checkpoints.restore(workdir / directory, like, step)
            score = checkpoints.read_score(workdir / directory, step)
            sha256 = checkpoints.leaves_sha256(checkpoints.flatten(state))
            found[f"{directory}/{step}"] = (sha256, score)
    return found
