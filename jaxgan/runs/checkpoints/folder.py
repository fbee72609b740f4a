"""The folder of a run's checkpoints: one subfolder each, named by its step."""

import shutil
from pathlib import Path


def steps(directory: Path) -> list[int]:
    """Returns the steps that have a checkpoint, in ascending order."""
    if not directory.is_dir():
        return []
    # Folders that were set aside, or are not finished, have more than digits in their names.
    return sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal())


def prepare_folder(directory: Path, keep: int) -> None:
    """Creates the folder, or removes what a kill left there: temporary folders and surplus."""
    directory.mkdir(parents=True, exist_ok=True)
    remove_unfinished(directory)
    remove_surplus(directory, keep)


def remove_unfinished(directory: Path) -> None:
    """Removes the temporary folders that a kill or an error left."""
    # Orbax gives a folder this name until it is finished.
    for path in directory.glob("*.orbax-checkpoint-tmp*"):
        shutil.rmtree(path)


def remove_surplus(directory: Path, keep: int, newest: int | None = None) -> None:
    """Removes all but the newest `keep` checkpoints; a kill may leave more.

    Args:
      newest: the step that counts as the newest; by default the highest.
    """
    ascending = sorted(steps(directory), key=lambda step: (step == newest, step))
    for step in ascending[:-keep]:
        shutil.rmtree(directory / str(step))


def set_aside_after(directory: Path, step: int, why: str = "damaged") -> None:
    """Renames the checkpoints of later steps to `<step>.why`; a run will write them again."""
    for later in steps(directory):
        if later > step:
            aside = directory / f"{later}.{why}"
            # An earlier start may have left one of this name, and a folder cannot replace another.
            shutil.rmtree(aside, ignore_errors=True)
            (directory / str(later)).rename(aside)
