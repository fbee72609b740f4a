"""The folders of a config of many seeds: `<workdir>/seed_0003`, each a run of its own."""

from pathlib import Path

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.config.seeds import seeds_of
from jaxgan.runs.directory import read_config
from jaxgan.runs.layout import CONFIG
from jaxgan.runs.text import join_first


def seed_folder(workdir: Path, seed: int) -> Path:
    """Returns the folder of a seed's run."""
    return workdir / f"seed_{seed:04d}"


def seed_folders(workdir: Path) -> dict[int, Path]:
    """Returns the folders of the seeds that have started; {} if `workdir` holds a single run.

    Raises:
      UserError: there is no run, or its config cannot be read.
    """
    folders = {seed: seed_folder(workdir, seed) for seed in seeds_of(read_config(workdir))}
    # The config is the first file of a run: a folder without it has nothing to read.
    return {seed: folder for seed, folder in folders.items() if (folder / CONFIG).exists()}


def read_single_config(workdir: Path) -> Config:
    """Reads the config of the run in `workdir`.

    Raises:
      UserError: there is no run, or there are runs of many seeds and one must be chosen.
    """
    config = read_config(workdir)
    if config.seeds:
        names = join_first(seed_folders(workdir).values(), 8) or "none has started"
        raise UserError(f"--workdir {workdir}: holds runs of many seeds; name one: {names}")
    return config
