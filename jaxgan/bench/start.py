"""The case that times a training command from its start to its first steps."""

import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from jaxgan.bench.child import child_environment, python_command
from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import CaseResult
from jaxgan.config.jax_env import CACHE_DIR_VARIABLE
from jaxgan.runs.layout import METRICS

ROUNDS, QUICK_ROUNDS = 3, 1  # each starts two processes
# What the console script `jaxgan` does.
COMMAND = "from jaxgan.cli.entry import run; raise SystemExit(run())"
# Chunks of 11 steps: a row of the log is there after each of them.
FLAGS = (
    "--config=mnist",
    "--config.train.epochs=1",
    "--config.train.chunks_per_epoch=93",
    "--config.train.logs_per_epoch=93",
)
COMPILED = re.compile(r"Finished XLA compilation of .+ in ([\d.]+) sec")  # JAX_LOG_COMPILES
POLL_SECONDS, MAX_SECONDS = 0.005, 600


def start(request: BenchRequest, flags: Sequence[str] = FLAGS) -> CaseResult:
    """Times `train` with an empty compilation cache, and then with the one that it has filled."""
    rounds: dict[str, list[float]] = {}
    for _ in range(min(request.rounds, QUICK_ROUNDS if request.quick else ROUNDS)):
        with tempfile.TemporaryDirectory() as folder:
            for cache in ("empty cache", "full cache"):
                seconds, compiling = first_steps(Path(folder), cache, flags)
                rounds.setdefault(f"{cache}: first steps", []).append(seconds)
                rounds.setdefault(f"{cache}: compiling", []).append(compiling)
    return CaseResult("seconds", rounds, reference="empty cache: first steps")


def first_steps(folder: Path, name: str, flags: Sequence[str]) -> tuple[float, float]:
    """Starts a run, and kills it after its first steps.

    Args:
      folder: keeps the cache of compiled programs between two starts.
      name: of the run, in this folder.

    Returns:
      The seconds to its first row of metrics, and those of them in which XLA compiled.

    Raises:
      RuntimeError: the run ended without a row.
    """
    workdir, log = folder / name, folder / f"{name}.log"
    variables = {CACHE_DIR_VARIABLE: str(folder / "cache"), "JAX_LOG_COMPILES": "1"}
    command = python_command("-c", COMMAND, *flags, f"--workdir={workdir}")
    begin = time.perf_counter()
    with (
        open(log, "wb") as errors,
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env=child_environment(**variables)
        ) as process,
    ):
        try:
            while not _has_row(workdir / METRICS):
                if process.poll() is not None or time.perf_counter() - begin > MAX_SECONDS:
                    last = log.read_text(errors="replace").strip().splitlines()[-1:]
                    raise RuntimeError(f"the run has no row: {' '.join(last)}")
                time.sleep(POLL_SECONDS)
            seconds = time.perf_counter() - begin
        finally:
            process.kill()
    return seconds, sum(map(float, COMPILED.findall(log.read_text(errors="replace"))))


def _has_row(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
