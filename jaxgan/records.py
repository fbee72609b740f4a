"""The run directory: config, environment and metrics rows, each readable by a person.

Whole files are replaced atomically and rows are appended, so that a kill at any moment leaves
what was there before.
"""

import contextlib
import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

import filelock

from jaxgan.config import Config, UserError, from_mapping, to_config_dict, walk
from jaxgan.seeds import is_of_more_seeds

CONFIG, ENVIRONMENT, METRICS, LOCK = "config.json", "environment.json", "metrics.jsonl", ".lock"
CHECKPOINTS, BEST_CHECKPOINT, SAMPLES = "checkpoints", "best", "samples"
CURVES, DIAGNOSTICS, MEMORISATION = "curves.png", "diagnostics.png", "memorisation.png"
OF_ITS_PLACE = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
PACKAGES = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def check_workdir(workdir: Path, config: Config) -> None:
    """Refuses, before anything is written, a folder that cannot take this run.

    Raises:
      UserError: the path is a file or a folder of something else, another process is using it,
        or it holds a run whose config differs in a setting that may not change.
    """
    if not workdir.exists():
        _check_creatable(workdir)
        return
    if not workdir.is_dir():
        raise UserError(f"--workdir {workdir}: is a file, not a folder")
    if not os.access(workdir, os.W_OK | os.X_OK):
        raise UserError(f"--workdir {workdir}: cannot be written to; choose another")
    if (workdir / CONFIG).exists():
        with _locked(workdir):
            _check_same_config(workdir, config)
    elif any(not path.name.startswith(".") for path in workdir.iterdir()):
        raise UserError(f"--workdir {workdir}: holds other files and no run; choose a new folder")


@contextlib.contextmanager
def open_run(workdir: Path, config: Config, environment: dict[str, Any]) -> Iterator[None]:
    """Holds the run directory for one process: creates it, or checks that the run is the same.

    Raises:
      UserError: as `check_workdir`, or the data of the run was other data.
    """
    check_workdir(workdir, config)
    workdir.mkdir(parents=True, exist_ok=True)
    with _locked(workdir):
        if (workdir / CONFIG).exists():
            _check_same_config(workdir, config)
        if (workdir / ENVIRONMENT).exists():
            environment = _merged(read_environment(workdir), environment, workdir)
        # The config first: a folder with a config is a run, whatever a kill left out.
        write_atomically(workdir / CONFIG, json.dumps(to_config_dict(config).to_dict(), indent=2))
        write_atomically(workdir / ENVIRONMENT, json.dumps(environment, indent=2))
        yield


def read_config(workdir: Path) -> Config:
    """The config of the run in `workdir`.

    Raises:
      UserError: there is no run, or its config cannot be read.
    """
    if not (path := workdir / CONFIG).is_file():
        raise UserError(f"--workdir {workdir}: holds no run ({path} does not exist)")
    return from_mapping(_read(path))


def read_environment(workdir: Path) -> dict[str, Any]:
    """What `open_run` recorded; "changes" lists what later starts found different."""
    if not (path := workdir / ENVIRONMENT).is_file():
        raise UserError(f"--workdir {workdir}: {path} does not exist")
    found = _read(path)
    if not (isinstance(found, dict) and {"sha256", "source"} <= set(found.get("data") or {})):
        raise UserError(f"{path}: damaged; delete it, and the next training command writes it anew")
    return found


def describe_environment(devices: Iterable[Any], data: dict[str, Any]) -> dict[str, Any]:
    """Versions, devices, flags, data and commit: what a run's bits may depend on besides config."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {
        "versions": versions,
        "devices": [f"{device.platform}: {device.device_kind}" for device in devices],
        "machine": f"{platform.system()} {platform.machine()}",
        "flags": {name: os.environ[name] for name in sorted(os.environ) if _is_flag(name)},
        "git_commit": _git_commit(),
        "data": data,
    }


def append_rows(workdir: Path, rows: Iterable[dict[str, Any]], name: str = METRICS) -> None:
    """Adds rows to metrics.jsonl, or another; they are on the disk when this returns."""
    with open(workdir / name, "a") as file:
        file.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())


def read_rows(workdir: Path, name: str = METRICS) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl, or another, less a last one that a kill cut short.

    Raises:
      UserError: another row is damaged.
    """
    rows: list[dict[str, Any]] = []
    path = workdir / name
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        row = _parse_row(line)
        if row is None and number < len(lines):
            raise UserError(
                f"{path}: line {number} is damaged; mend or delete it, then repeat the command"
            )
        if row is not None:
            rows.append(row)
    return rows


def _parse_row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None


def drop_rows_after(workdir: Path, step: int, name: str = METRICS) -> list[dict[str, Any]]:
    """Removes rows of steps that a resumed run will do again, and second ones; returns the rest."""
    rows: list[dict[str, Any]] = []
    for row in read_rows(workdir, name):
        if (rows[-1]["step"] if rows else 0) < row["step"] <= step:
            rows.append(row)
    if (path := workdir / name).exists():
        write_atomically(path, "".join(json.dumps(row) + "\n" for row in rows))
    return rows


def _check_creatable(workdir: Path) -> None:
    """Makes the first folder of the path that is missing, and removes it again."""
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
    """Holds the folder's lock, which the system releases when the process ends, however it ends."""
    try:
        held = filelock.FileLock(workdir / LOCK).acquire(timeout=0)
    except filelock.Timeout:
        raise UserError(f"--workdir {workdir}: another process is training there") from None
    with held:
        yield


def _check_same_config(workdir: Path, config: Config) -> None:
    recorded = {name: value for name, _, value in walk(read_config(workdir))}
    for name, field, value in walk(config):
        allowed = field.metadata["may_change"] or is_of_more_seeds(name, recorded, config)
        if value != recorded[name] and not allowed:
            raise UserError(
                f"--workdir {workdir}: its run has config.{name} = {recorded[name]!r}, not "
                f"{value!r}; choose another --workdir, or that value to resume it"
            )


def _merged(recorded: dict[str, Any], now: dict[str, Any], workdir: Path) -> dict[str, Any]:
    """The record of a run's first start, with what this start found different."""
    if recorded["data"]["sha256"] != now["data"]["sha256"]:
        raise UserError(
            f"--workdir {workdir}: its run saw other data (SHA-256 {recorded['data']['sha256']}, "
            f"now {now['data']['sha256']} from {now['data']['source']})"
        )
    recorded.setdefault("processes", 1)  # an older record does not say it
    changed = {key: now[key] for key in now if now[key] != recorded.get(key)}
    if changed and changed not in recorded.get("changes", []):
        recorded.setdefault("changes", []).append(changed)
    return recorded


def _is_flag(name: str) -> bool:
    elsewhere = name in OF_ITS_PLACE or "_CACHE_" in name  # where it ran, and what is kept there
    return name == "XLA_FLAGS" or (name.startswith("JAX_") and not elsewhere)


def _git_commit() -> str:
    """The commit of the source that runs, or "" where it is no checkout.

    A package installed within somebody's repository, which does not track it, is none.
    """
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        for command in (
            [*git, "ls-files", "--error-unmatch", Path(__file__).name],
            [*git, "describe", "--always", "--dirty", "--abbrev=40"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error})") from None


def write_atomically(path: Path, text: str) -> None:
    """Replaces a text whole, as `replace_file`."""
    replace_file(path, lambda file: file.write(text.encode()))


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replaces a file whole: a reader, or a kill, meets the old content or the new.

    What cannot be written to the end leaves nothing behind.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        with open(new, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
