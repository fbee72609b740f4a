"""Creates, checks, locks and reads a run directory."""

import contextlib
import errno
import functools
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock

from jaxgan.config.errors import UserError
from jaxgan.config.fields import iter_settings
from jaxgan.config.files import from_record, to_config_dict
from jaxgan.config.schema import Config
from jaxgan.config.seeds import adds_seeds
from jaxgan.runs.atomic_files import read_json, write_atomically, write_json
from jaxgan.runs.environment import merge_environment
from jaxgan.runs.layout import CONFIG, ENVIRONMENT, LOCK, WRITER
from jaxgan.runs.links import check_links
from jaxgan.runs.mathematics import check_mathematics
from jaxgan.runs.retry import hold, retry

logger = logging.getLogger(__name__)
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


def check_workdir(workdir: Path, config: Config) -> None:
    """Checks that a folder can hold this run; nothing is written.

    Raises:
      UserError: the path is a file, the folder holds other files or links, another process is
        using it, or it holds a run whose config differs in a setting that may not change, or that
        was made with other mathematics.
    """
    if not workdir.exists():
        _check_creatable(workdir)
        return
    if not workdir.is_dir():
        raise UserError(f"--workdir {workdir}: is a file, not a folder")
    # To create a file in a folder takes the right to write and the right to search.
    if not os.access(workdir, os.W_OK | os.X_OK):
        raise UserError(f"--workdir {workdir}: cannot be written to; choose another")
    # Before the lock, since to lock a file empties it.
    check_links(workdir)
    if (workdir / CONFIG).exists():
        # Locked, so that a folder in use is refused before the data are loaded.
        with _locked(workdir):
            _check_same_run(workdir, config)
    # A start that was killed early leaves hidden files only: the lock and temporary files.
    elif any(not path.name.startswith(".") for path in workdir.iterdir()):
        raise UserError(f"--workdir {workdir}: holds other files and no run; choose a new folder")


@contextlib.contextmanager
def open_run(workdir: Path, config: Config, environment: dict[str, Any]) -> Iterator[None]:
    """Locks a run directory, after creating it or checking that it holds the same run.

    Raises:
      UserError: as `check_workdir`, or the data differ from those of the run.
    """
    check_workdir(workdir, config)
    workdir.mkdir(parents=True, exist_ok=True)
    with _locked(workdir):
        # Again, under the lock: another process may have created a run here meanwhile.
        if (workdir / CONFIG).exists():
            _check_same_run(workdir, config)
        # Before anything is written, because other data are refused here.
        if (workdir / ENVIRONMENT).exists():
            environment = merge_environment(workdir, environment)
        # The config is written first: a kill here leaves a folder that counts as a run.
        write_json(workdir / CONFIG, to_config_dict(config).to_dict())
        write_json(workdir / ENVIRONMENT, environment)
        write_atomically(workdir / WRITER, writer := secrets.token_hex(16))
        with hold(workdir, writer):
            yield


def read_config(workdir: Path) -> Config:
    """Reads the config of the run in `workdir`.

    Raises:
      UserError: there is no run, or its config cannot be read.
    """
    if not (path := workdir / CONFIG).is_file():
        raise UserError(f"--workdir {workdir}: holds no run ({path} does not exist)")
    return from_record(read_json(path))


def read_writer(workdir: Path) -> str:
    """Returns the random text of the start that writes the folder; "" if there is no such text.

    The folder of a run is recognised by it: over a network, the numbers of the device and of the
    folder can change while the run goes on.
    """
    try:
        return retry((workdir / WRITER).read_text, workdir)
    except FileNotFoundError:
        return ""


def _check_creatable(workdir: Path) -> None:
    """Tries to create the first missing folder of the path, and removes it again."""
    missing = [path for path in (workdir, *workdir.absolute().parents) if not path.exists()][-1]
    try:
        missing.mkdir()
        missing.rmdir()
    except OSError as error:
        raise UserError(
            f"--workdir {workdir}: {missing} cannot be created ({error.strerror}); choose another"
        ) from None


@contextlib.contextmanager
def _locked(workdir: Path) -> Iterator[None]:
    """Locks the folder; the operating system releases the lock whenever the process ends.

    A file system without locks gets a warning instead.
    """
    # The soft lock would be a file that a killed run leaves, or a copied folder has, for ever.
    lock = filelock.FileLock(workdir / LOCK, fallback_to_soft=False)
    try:
        # No waiting: a command that was started twice by mistake should fail at once.
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise UserError(f"--workdir {workdir}: another process is training there") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        _warn_of_no_lock(workdir)
    try:
        yield
    finally:
        lock.release()


@functools.cache  # once, though a start locks the folder several times
def _warn_of_no_lock(workdir: Path) -> None:
    logger.warning(
        f"--workdir {workdir}: its file system has no locks; a second process that trains there "
        "would damage the run; see that there is only one"
    )


def _check_same_run(workdir: Path, config: Config) -> None:
    recorded = {name: value for name, _, value in iter_settings(read_config(workdir))}
    for name, field, value in iter_settings(config):
        # The number of epochs means nothing where that of images is given.
        length = "train.images" if recorded["train.images"] else "train.epochs"
        stretches = name in (length, "train.images") and config.schedule.fixes_length
        may_change = field.metadata["may_change"] and not stretches
        if value != recorded[name] and not (may_change or adds_seeds(name, recorded, config)):
            why = ", which would move its schedules (config.schedule.unit = 'run')"
            raise UserError(
                f"--workdir {workdir}: its run has config.{name} = {recorded[name]!r}, not "
                f"{value!r}{why if stretches else ''}; choose another --workdir, or that value to "
                "resume it"
            )
    check_mathematics(workdir, config)
