"""Reads paths as users write them; every flag and setting that is a path passes here."""

import os
from pathlib import Path

from jaxgan.config.errors import UserError


def expand_path(text: str) -> Path:
    """Returns a path whose `~` or `~NAME` at the start is replaced by that home folder.

    A shell leaves it as it is after `=`, as in `--workdir=~/runs/a`; so does Python.

    Raises:
      UserError: there is no such home folder.
    """
    expanded = os.path.expanduser(text)
    if expanded.startswith("~"):
        home = text.partition("/")[0]
        raise UserError(
            f"{text}: there is no home folder {home}; ./{text} is a folder of this name"
        )
    return Path(expanded)


def absolute_path(text: str) -> str:
    """Returns a path that means the same in every current folder; '' stays ''.

    Raises:
      UserError: as `expand_path`.
    """
    return str(expand_path(text).absolute()) if text else ""
