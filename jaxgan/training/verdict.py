"""Logs the diagnosis of runs at their end: their warnings with advice, or one line."""

import logging
from collections.abc import Mapping
from pathlib import Path

from jaxgan.runs.diagnosis import Finding, diagnose, read_record
from jaxgan.runs.text import join_first

logger = logging.getLogger(__name__)
SEEDS_SHOWN = 8


def log_diagnosis(workdir: Path) -> None:
    """Logs each warning of a run's diagnosis; without any, one line."""
    findings = diagnose(read_record(workdir))
    warnings = _warnings(findings)
    for text in warnings:
        logger.warning(text)
    if not warnings:
        logger.info(f"no warning about this run: {_best_sentence(findings)}")


def log_seed_diagnoses(workdirs: Mapping[int, Path]) -> None:
    """Logs the warnings of the runs of many seeds, and which seeds have none.

    Args:
      workdirs: the run directory of each seed.
    """
    warnings = {seed: _warnings(diagnose(read_record(w))) for seed, w in workdirs.items()}
    warned = [seed for seed, texts in warnings.items() if texts]
    for seed in warned[:SEEDS_SHOWN]:
        for text in warnings[seed]:
            logger.warning(f"seed {seed}: {text}")
    if len(warned) > SEEDS_SHOWN:
        logger.warning(f"{len(warned)} seeds have warnings: {join_first(warned, 50)}")
    if fine := [seed for seed in warnings if seed not in warned]:
        logger.info(f"no warning about {len(fine)} seeds: {join_first(fine, SEEDS_SHOWN)}")


def _warnings(findings: list[Finding]) -> list[str]:
    return [f"{x.sentence} {x.advice}" for x in findings if x.level == "warning"]


def _best_sentence(findings: list[Finding]) -> str:
    """Returns the first answer that is good, or the first one."""
    good = [finding.sentence for finding in findings if finding.level == "good"]
    return (good or [findings[0].sentence])[0]
