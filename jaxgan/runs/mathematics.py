"""Compares the mathematics that a run was made with to that of this version of jaxgan."""

import logging
from pathlib import Path

from jaxgan.config.errors import UserError
from jaxgan.config.import_paths import is_import_path
from jaxgan.config.schema import Config
from jaxgan.config.versions import mathematics_of
from jaxgan.runs.environment import newest_mathematics, read_environment
from jaxgan.runs.layout import ENVIRONMENT

logger = logging.getLogger(__name__)


def check_mathematics(workdir: Path, config: Config) -> None:
    """Refuses to continue a run with other mathematics than it was begun with.

    Raises:
      UserError: a version in its record is another one now.
    """
    differing = _differences(workdir, config)
    if changed := {name: text for name, text in differing.items() if _is_own(name)}:
        texts = ", ".join(changed.values())
        if not config.allow_changed_code:
            raise UserError(
                f"--workdir {workdir}: its run was made with other code of your own ({texts}); "
                "choose another --workdir, restore the file, or set "
                "config.allow_changed_code=True to go on with the changed code"
            )
        logger.warning(f"{workdir}: goes on with changed code of your own ({texts})")
    if others := ", ".join(text for name, text in differing.items() if name not in changed):
        raise UserError(
            f"--workdir {workdir}: its run was made by a version of jaxgan with other mathematics "
            f"({others}); choose another --workdir, or go on with {_maker(workdir)}"
        )


def warn_of_mathematics(workdir: Path, config: Config, kind: str = "") -> None:
    """Warns where a run is used whose mathematics is another one now.

    Args:
      kind: of the choices that matter, such as "network"; "" for all.
    """
    if differing := differing_mathematics(workdir, config, kind):
        logger.warning(
            f"{workdir}: was made with other mathematics ({differing}): what is computed now is "
            "not what the run computed"
        )


def differing_mathematics(workdir: Path, config: Config, kind: str = "") -> str:
    """Describes the versions of a run that are other ones now; "" if none is.

    A run without versions in its record was made before there were any, and counts as version 1
    of everything.
    """
    differing = _differences(workdir, config).items()
    return ", ".join(text for name, text in differing if name.startswith(kind))


def _differences(workdir: Path, config: Config) -> dict[str, str]:
    """Describes each version that is another one now, by the name of what it is of."""
    if not (workdir / ENVIRONMENT).exists():
        return {}
    recorded = newest_mathematics(read_environment(workdir))
    pairs = {name: (recorded.get(name, 1), now) for name, now in mathematics_of(config).items()}
    return {
        name: f"{name}: {_kind(old)} {_short(old)}, now {_short(now)}"
        for name, (old, now) in pairs.items()
        if old != now
    }


def _kind(version: int | str) -> str:
    return "version" if isinstance(version, int) else "SHA-256"


def _short(version: int | str) -> str:
    return str(version)[:12] or "not found"


def _is_own(name: str) -> bool:
    return is_import_path(name.partition(" ")[2])


def _maker(workdir: Path) -> str:
    """Names the version of jaxgan that made a run."""
    recorded = read_environment(workdir)
    versions, commit = recorded.get("versions") or {}, recorded.get("git_commit")
    version = f"jaxgan {versions['jaxgan']}" if "jaxgan" in versions else "that version"
    return f"{version} (commit {commit[:12]})" if commit else version
