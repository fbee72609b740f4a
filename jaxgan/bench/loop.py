"""The case that compares the training loop, with all that it writes, with the bare epoch."""

import contextlib
import dataclasses
import io
import tempfile
from pathlib import Path

from jaxgan.bench import ours
from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import CaseResult, timed_result
from jaxgan.bench.timing import Variant, time_in_turn
from jaxgan.config.schema import Config, TrainConfig
from jaxgan.data import load_data
from jaxgan.runs import row_files
from jaxgan.runs.plan import make_step_plan
from jaxgan.training.loop import train

# The first curves, drawn with the first checkpoint after five epochs, also import Matplotlib. The
# five epochs that are timed save one more checkpoint; that of the end follows the last row.
WARM_UP, EPOCHS = 6, 11
QUICK = {"images": 3 * 1280, "interval_images": 1280}  # three intervals of 20 steps


def loop(request: BenchRequest, config: Config | None = None) -> CaseResult:
    """Compares a step of the loop with one of the epoch."""
    config = config or _config(request)
    pixels = load_data(config.data).pixels
    steps = make_step_plan(config.train, len(pixels)).interval
    variants = {
        "epoch": ours.epoch(config, pixels, steps),
        # The seconds of a step come from the run's own log: a call also compiles and reads data.
        "loop": Variant(lambda: lambda: loop_seconds_per_step(config)),
    }
    timings = time_in_turn(variants, request.rounds)
    return timed_result("seconds per step", timings, steps=steps)


def loop_seconds_per_step(config: Config) -> float:
    """Trains a run in a temporary folder; returns its seconds per step after the warm-up."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        train(config, Path(folder) / "run")
        rows = row_files.read_rows(Path(folder) / "run")
    examples = len(load_data(config.data).pixels)
    plan = make_step_plan(config.train, examples)
    warm_up = min(WARM_UP, plan.total // plan.interval - 1)  # a quick run has few intervals
    first, last = next(r for r in rows if r["step"] >= warm_up * plan.interval), rows[-1]
    return float((last["seconds"] - first["seconds"]) / (last["step"] - first["step"]))


def _config(request: BenchRequest) -> Config:
    length = QUICK if request.quick else {"epochs": EPOCHS}
    return dataclasses.replace(Config(), train=TrainConfig(**length))
