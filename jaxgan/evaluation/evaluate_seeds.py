"""The verb `evaluate` on many seeds: each run scored by one protocol, and the scores over seeds."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.evaluation.evaluate import evaluate
from jaxgan.evaluation.scoring import REAL_BASELINE
from jaxgan.runs import checkpoints, seed_folders, seed_statistics
from jaxgan.runs.checkpoint_ref import CheckpointRef, checkpoint_folder, evaluation_file
from jaxgan.runs.files import json_safe, write_json

logger = logging.getLogger(__name__)


def evaluate_seeds(
    workdir: Path, num_samples: int, step: CheckpointRef = "last", *rest: Any
) -> dict[str, Any]:
    """Evaluates each run in its own folder, as `evaluate` does with the same arguments.

    Writes, beside the runs, and returns what the protocol, the floor and the ratios to it are, and
    each score's statistics over the seeds.

    Raises:
      UserError: as `evaluate`; or no run has such a checkpoint.
    """
    results: dict[int, dict[str, Any]] = {}
    for seed, folder in seed_folders.seed_folders(workdir).items():
        known = checkpoints.steps(folder / checkpoint_folder(step))
        if not known or (isinstance(step, int) and step not in known):
            logger.warning(f"{folder}: no such checkpoint; left out")
            continue
        logger.info(f"seed {seed}:")
        results[seed] = evaluate(folder, num_samples, step, *rest)
    if not results:
        raise UserError(f"--workdir {workdir}: no run has such a checkpoint")
    first = next(iter(results.values()))
    protocol = {name: value for name, value in first["protocol"].items() if name != "step"}
    steps = {str(seed): result["protocol"]["step"] for seed, result in results.items()}
    found = json_safe(
        {
            "protocol": protocol | {"steps": steps},
            "floor": first["metrics"][REAL_BASELINE],
            "metrics": _over_seeds(results, "metrics"),
            "ratios": _over_seeds(results, "ratios"),
        }
    )
    write_json(workdir / evaluation_file(step), found)
    return found


def table_of_seeds(result: Mapping[str, Any]) -> str:
    """The protocol, then each score's statistics over the seeds, and those of its ratio."""
    protocol = result["protocol"]
    steps = ", ".join(f"{seed}: {step}" for seed, step in protocol["steps"].items())
    lines = [
        f"{protocol['data']}; N = {protocol['num_samples']} a set, seed {protocol['seed']} of the "
        "evaluation",
        f"features: {protocol['features']}, SHA-256 {protocol['features_sha256']}",
        f"step of each seed: {steps}",
    ]
    for part, title in (("metrics", "over seeds"), ("ratios", "times the floor, over seeds")):
        for who, found in result[part].items():
            lines += ["", f"{who}, {title}", seed_statistics.statistics_table(found)]
    return "\n".join(lines)


def _over_seeds(results: Mapping[int, Mapping[str, Any]], part: str) -> dict[str, Any]:
    """By generator and score, the statistics."""
    whose = [who for who in next(iter(results.values()))[part] if who != REAL_BASELINE]
    return {
        who: seed_statistics.statistics_over_seeds(
            {seed: result[part][who] for seed, result in results.items()}
        )
        for who in whose
    }
