"""The command `evaluate` for a run of several seeds: each is scored, then statistics are taken."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.evaluation.evaluate import evaluate_run
from jaxgan.evaluation.request import EvaluateRequest
from jaxgan.evaluation.scoring import REAL_BASELINE
from jaxgan.runs import checkpoints, seed_folders, seed_statistics
from jaxgan.runs.atomic_files import json_safe, write_json
from jaxgan.runs.checkpoint_ref import checkpoint_folder, evaluation_file

logger = logging.getLogger(__name__)


def evaluate_seeds(workdir: Path, request: EvaluateRequest) -> dict[str, Any]:
    """Scores every seed of a run in its own folder, and returns and writes the statistics.

    Args:
      workdir: run directory of all seeds; seeds without the checkpoint are left out.
      request: options, the same for each seed.

    Returns:
      The protocol, the real baseline, and the statistics over seeds of each score and of its
      ratio to the baseline.

    Raises:
      UserError: no seed has the checkpoint; otherwise as `evaluate_run`.
    """
    results = _evaluate_each(workdir, request)
    first = next(iter(results.values()))
    # The seeds may be at different steps: the best one of each, or the last that is valid.
    protocol = {name: value for name, value in first["protocol"].items() if name != "step"}
    protocol["steps"] = {str(seed): found["protocol"]["step"] for seed, found in results.items()}
    summary = json_safe(
        {
            "protocol": protocol,
            # The same for all seeds, since no generator plays a part in it.
            "floor": first["metrics"].get(REAL_BASELINE, {}),
            "metrics": _statistics_over_seeds(results, "metrics"),
            "ratios": _statistics_over_seeds(results, "ratios"),
        }
    )
    write_json(workdir / evaluation_file(request.step), summary)
    return summary


def _evaluate_each(workdir: Path, request: EvaluateRequest) -> dict[int, dict[str, Any]]:
    results = {}
    for seed, folder in seed_folders.seed_folders(workdir).items():
        steps = checkpoints.steps(folder / checkpoint_folder(request.step))
        if not steps or (isinstance(request.step, int) and request.step not in steps):
            logger.warning(f"{folder}: no such checkpoint; left out")
            continue
        logger.info(f"seed {seed}:")
        results[seed] = evaluate_run(folder, request)
    if not results:
        raise UserError(f"--workdir {workdir}: no run has such a checkpoint")
    return results


def _statistics_over_seeds(results: Mapping[int, Mapping[str, Any]], part: str) -> dict[str, Any]:
    """Returns, by generator and score, the statistics of "metrics" or of "ratios"."""
    generators = [name for name in next(iter(results.values()))[part] if name != REAL_BASELINE]
    return {
        name: seed_statistics.statistics_over_seeds(
            {seed: result[part][name] for seed, result in results.items()}
        )
        for name in generators
    }
