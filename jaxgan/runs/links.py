"""Refuses links within a run directory, through which training would change files elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

from jaxgan.config.errors import UserError
from jaxgan.runs import layout

# Training writes, renames or deletes what is in these folders.
FOLDERS = (layout.CHECKPOINTS, layout.BEST_CHECKPOINT, layout.SAMPLES)


def check_links(workdir: Path) -> None:
    """Checks that a run directory has no link where training writes, renames or deletes.

    The run directory itself may be a link, as to a larger disk.

    Raises:
      UserError: there is one.
    """
    for path in _links(workdir):
        raise UserError(
            f"{path}: is a link to {os.readlink(path)}, and training would change what it leads "
            "to; replace it by what it stands for, or make the whole run directory the link"
        )


def _links(workdir: Path) -> Iterator[str]:
    runs = (workdir, *workdir.glob("seed_*"))
    for folder in (run / name for run in runs for name in ("", *FOLDERS)):
        # A kill may have left a run without them.
        if not folder.is_dir():
            continue
        with os.scandir(folder) as entries:
            yield from (entry.path for entry in entries if entry.is_symlink())
