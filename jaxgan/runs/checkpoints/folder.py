"""The folder of a run's checkpoints: one folder each, named by its step."""

import shutil
from pathlib import Path

TEMPORARY = ".orbax-checkpoint-tmp"  # in the names of what Orbax has not finished


def steps(directory: Path) -> list[int]:
    """The steps of which there is a checkpoint, ascending."""
    if not directory.is_dir():
        return []
    return sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal())


def tidy(directory: Path, keep: int) -> None:
    """Makes the folder, or rids it of what a kill left: temporary folders and surplus."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob(f"*{TEMPORARY}*"):
        shutil.rmtree(path)
    remove_surplus(directory, keep)


def remove_surplus(directory: Path, keep: int) -> None:
    """Removes checkpoints older than the newest `keep`, which a kill left."""
    for step in steps(directory)[:-keep]:
        shutil.rmtree(directory / str(step))


def set_aside_after(directory: Path, step: int, why: str = "damaged") -> None:
    """Renames the checkpoints of later steps to `<step>.why`; a run will write them again."""
    for later in steps(directory):
        if later > step:
            aside = directory / f"{later}.{why}"
            shutil.rmtree(aside, ignore_errors=True)
            (directory / str(later)).rename(aside)
