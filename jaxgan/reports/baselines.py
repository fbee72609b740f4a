"""The scores of real data in place of generated ones, to draw beside a run's evaluations."""

import logging
import math
from collections.abc import Mapping

from jaxgan.config.errors import UserError
from jaxgan.reports.generators import load_evaluator
from jaxgan.reports.run import Run

logger = logging.getLogger(__name__)


def real_baseline(run: Run) -> Mapping[str, float]:
    """Returns the finite scores of real data, by their names in the run's rows; {} if unknown."""
    single = next(iter(run.seeds.values()), run)
    if not any(name.startswith("eval/") for row in single.rows for name in row):
        return {}
    try:
        scores = load_evaluator(single.workdir).real_baseline()
    except UserError as error:
        logger.warning(f"{run.workdir}: no real baseline in the page: {error}")
        return {}
    return {name: x for name, x in scores.items() if x is not None and math.isfinite(x)}
