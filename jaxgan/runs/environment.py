"""The record of what a run was trained with: versions, devices, flags, data and commit."""

import contextlib
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.config.jax_env import GPU_INDEX_VARIABLES
from jaxgan.parallel.initialize import DISTRIBUTED_ENV_VARS
from jaxgan.runs.atomic_files import read_json, write_json
from jaxgan.runs.layout import ENVIRONMENT

REMEDY = "delete it; the next training command writes it again"
MEMORY = "memory"  # no part of what bits may depend on
PACKAGES = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def read_environment(workdir: Path) -> dict[str, Any]:
    """Reads the recorded environment; its "changes" list what differed at later starts.

    Raises:
      UserError: there is no such record, or it is damaged.
    """
    if not (path := workdir / ENVIRONMENT).is_file():
        raise UserError(f"--workdir {workdir}: {path} does not exist")
    recorded = read_json(path)
    data = recorded.get("data") if isinstance(recorded, dict) else None
    if not (isinstance(data, dict) and {"sha256", "source"} <= set(data)):
        raise UserError(f"{path}: damaged; {REMEDY}")
    return recorded


def read_data_record(workdir: Path) -> dict[str, Any]:
    """Reads what the environment records about the data: shape, classes, examples and more.

    Raises:
      UserError: there is no such record, or it has values that no data have.
    """
    data: dict[str, Any] = read_environment(workdir)["data"]
    check_data_record(data, workdir / ENVIRONMENT, REMEDY)
    return data


def check_data_record(data: dict[str, Any], path: Path, remedy: str) -> None:
    """Checks a record of data that was read from a file.

    Args:
      remedy: what to do if it is not one.

    Raises:
      UserError: it has values that no data have.
    """
    shape = data.get("shape")
    sizes = shape if isinstance(shape, list) and len(shape) in (1, 3) else [0]
    counts = [data.get(name) for name in ("classes", "examples")]
    # The upper bounds are those of the 32-bit numbers that become indices and sizes of arrays.
    if not (
        all(type(size) is int and 0 < size < 2**31 for size in sizes)
        and all(type(count) is int and 0 <= count < 2**31 for count in counts)
    ):
        raise UserError(
            f"{path}: has data of shape {shape}, {counts[0]} classes and "
            f"{counts[1]} examples, which none have; {remedy}"
        )
    # A record of an older version has neither.
    for name, kind in (("class_names", str), ("class_counts", int)):
        values = data.get(name, [])
        if not (
            isinstance(values, list)
            and len(values) in (0, counts[0])
            and all(type(value) is kind for value in values)
        ):
            raise UserError(f"{path}: its {name} do not describe {counts[0]} classes; {remedy}")


def describe_environment(devices: Iterable[Any], data: dict[str, Any]) -> dict[str, Any]:
    """Returns what a run's bits may depend on besides its config."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        # jaxgan has no metadata if it is used from a checkout that is not installed.
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


def check_same_data(workdir: Path, sha256: str, source: str) -> None:
    """Refuses data other than the training data that the run in `workdir` recorded.

    Args:
      sha256, source: of the data now, as in `Dataset`.

    Raises:
      UserError: the data differ, or there is no readable record of them.
    """
    recorded = read_environment(workdir)["data"]["sha256"]
    if sha256 != recorded:
        raise UserError(
            f"--workdir {workdir}: its run saw other data (SHA-256 {recorded}, now {sha256} from "
            f"{source}); restore the data of the run, or use another --workdir for these"
        )


def merge_environment(workdir: Path, now: dict[str, Any]) -> dict[str, Any]:
    """Returns the record of a run's first start, with what differs now added to its "changes".

    Raises:
      UserError: the data are not those of the first start.
    """
    check_same_data(workdir, now["data"]["sha256"], now["data"]["source"])
    recorded = read_environment(workdir)
    # An older record lacks these; to resume that run must not look like a change.
    recorded.setdefault("processes", 1)
    if "mathematics" in now:
        # `check_mathematics` has found today's versions to be those of the run.
        recorded.setdefault("mathematics", now["mathematics"])
    recorded["data"] = now["data"] | recorded["data"]
    changed = {key: now[key] for key in now if now[key] != recorded.get(key)}
    other_code = "mathematics" in now and now["mathematics"] != newest_mathematics(recorded)
    if other_code:
        changed["mathematics"] = now["mathematics"]
    # Once for each different start, however often a run is resumed.
    if other_code or (changed and changed not in recorded.get("changes", [])):
        recorded.setdefault("changes", []).append(changed)
    return recorded


def newest_mathematics(recorded: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the versions of the mathematics at the newest start that changed any of them.

    With config.allow_changed_code, that of a part of the user's own can change in a run.
    """
    starts = (*reversed(recorded.get("changes") or ()), recorded)
    found: Mapping[str, Any] = next(
        (start["mathematics"] for start in starts if start.get("mathematics")), {}
    )
    return found


def record_memory(workdir: Path, memory: Mapping[str, int | None]) -> None:
    """Adds to the record the bytes that the run takes on each device at this start."""
    recorded = read_environment(workdir)
    if recorded.get(MEMORY) != memory:
        write_json(workdir / ENVIRONMENT, recorded | {MEMORY: dict(memory)})


def _is_flag(name: str) -> bool:
    # Where the processes ran and where compiled programs are kept does not change the bits.
    is_location = name in DISTRIBUTED_ENV_VARS or "_CACHE_" in name or name in GPU_INDEX_VARIABLES
    return name == "XLA_FLAGS" or (name.startswith("JAX_") and not is_location)


def _git_commit() -> str:
    """Returns the commit of this source code, or "" if it is not in a git repository.

    A repository that contains the installed package but does not track it does not count.
    """
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        # The first fails if the file is not tracked; the output of the second is the result.
        for command in (
            [*git, "ls-files", "--error-unmatch", Path(__file__).name],
            [*git, "describe", "--always", "--dirty", "--abbrev=40"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
