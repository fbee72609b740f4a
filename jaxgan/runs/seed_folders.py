"""Where the runs of a config of many seeds are: `<workdir>/seed_0003`, each a run of its own."""

from pathlib import Path

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.config.seeds import seeds_of
from jaxgan.runs.directory import read_config
from jaxgan.runs.layout import CONFIG


def seed_folder(workdir: Path, seed: int) -> Path:
    return workdir / f"seed_{seed:04d}"


def seed_folders(workdir: Path) -> dict[int, Path]:
    """By seed, those that have been begun; none where `workdir` holds a single run.

    Raises:
      UserError: there is no run, or its config cannot be read.
    """
    found = {seed: seed_folder(workdir, seed) for seed in seeds_of(read_config(workdir))}
    return {seed: folder for seed, folder in found.items() if (folder / CONFIG).exists()}


def read_single_config(workdir: Path) -> Config:
    """The config of the run in `workdir`.

    Raises:
      UserError: there is none, or there are runs of many seeds, of which one must be named.
    """
    config = read_config(workdir)
    if config.seeds:
        names = [str(folder) for folder in seed_folders(workdir).values()]
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise UserError(
            f"--workdir {workdir}: holds runs of many seeds; name one: {shown or 'none is begun'}"
        )
    return config
