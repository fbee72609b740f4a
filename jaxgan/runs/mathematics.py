"""Compares the mathematics that a run was made with to that of this version of jaxgan."""

import logging
from pathlib import Path

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.config.versions import mathematics_of
from jaxgan.runs.environment import read_environment
from jaxgan.runs.layout import ENVIRONMENT

logger = logging.getLogger(__name__)


def check_mathematics(workdir: Path, config: Config) -> None:
    """Refuses to continue a run with other mathematics than it was begun with.

    Raises:
      UserError: a version in its record is another one now.
    """
    if differing := differing_mathematics(workdir, config):
        raise UserError(
            f"--workdir {workdir}: its run was made by a version of jaxgan with other mathematics "
            f"({differing}); choose another --workdir, or go on with {_maker(workdir)}"
        )


def warn_of_mathematics(workdir: Path, config: Config, kind: str = "") -> None:
    """Warns where a run is used whose mathematics is another one now.

    Args:
      kind: of the choices that matter, such as "network"; "" for all.
    """
    if differing := differing_mathematics(workdir, config, kind):
        logger.warning(
            f"{workdir}: was made by a version of jaxgan with other mathematics ({differing}): "
            "what is computed now is not what the run computed"
        )


def differing_mathematics(workdir: Path, config: Config, kind: str = "") -> str:
    """Describes the versions of a run that are other ones now; "" if none is.

    A run without versions in its record was made before there were any, and counts as version 1
    of everything.
    """
    if not (workdir / ENVIRONMENT).exists():
        return ""
    recorded = read_environment(workdir).get("mathematics") or {}
    pairs = {name: (recorded.get(name, 1), now) for name, now in mathematics_of(config).items()}
    return ", ".join(
        f"{name}: version {old}, now {now}"
        for name, (old, now) in pairs.items()
        if old != now and name.startswith(kind)
    )


def _maker(workdir: Path) -> str:
    """Names the version of jaxgan that made a run."""
    recorded = read_environment(workdir)
    versions, commit = recorded.get("versions") or {}, recorded.get("git_commit")
    version = f"jaxgan {versions['jaxgan']}" if "jaxgan" in versions else "that version"
    return f"{version} (commit {commit[:12]})" if commit else version
