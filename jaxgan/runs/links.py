"""Refuses links within a run directory, through which training would change files elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

from jaxgan.config.errors import UserError
from jaxgan.runs import layout

# Training writes, renames or deletes what is in these folders.
FOLDERS = (layout.CHECKPOINTS, layout.BEST_CHECKPOINT, layout.START, layout.SAMPLES)


def check_links(workdir: Path) -> None:
    """Checks that a run directory has only files and folders where training changes them.

    The run directory itself may be a link, as to a larger disk.

    Raises:
      UserError: there is a link, or a pipe or device, on which a program can wait for ever.
    """
    for entry in _entries(workdir):
        if entry.is_symlink():
            raise UserError(
                f"{entry.path}: is a link to {os.readlink(entry.path)}, and training would change "
                "what it leads to; replace it by what it stands for, or make the whole run "
                "directory the link"
            )
        if not (entry.is_file() or entry.is_dir()):
            raise UserError(f"{entry.path}: is neither a file nor a folder; remove it")


def _entries(workdir: Path) -> Iterator[os.DirEntry[str]]:
    runs = (workdir, *workdir.glob("seed_*"))
    for folder in (run / name for run in runs for name in ("", *FOLDERS)):
        # A kill may have left a run without them.
        if not folder.is_dir():
            continue
        with os.scandir(folder) as entries:
            yield from entries
