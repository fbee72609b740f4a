"""The training command, once flags and config are known to be valid; JAX is imported late."""

import logging
from pathlib import Path

from jaxgan import records
from jaxgan.config import Config
from jaxgan.determinism import set_flags
from jaxgan.ending import FAILED, fail, report, report_seeds
from jaxgan.joining import Place, join

logger = logging.getLogger(__name__)


def start(config: Config, workdir: Path, place: Place | None) -> int:
    """Trains, by itself or in its place among several processes; returns the exit status.

    Raises:
      UserError: config, data, folder or place do not allow it.
    """
    if place is None:
        records.check_workdir(workdir, config)  # of several processes the first will, for all
    set_flags(config.deterministic)
    if place is not None:
        join(place)
    return _train(config, workdir)


def _train(config: Config, workdir: Path) -> int:
    import jax

    from jaxgan.ensemble import train_seeds
    from jaxgan.processes import OtherFailed, all_processes
    from jaxgan.run_directory import Diverged
    from jaxgan.train import train

    trains, reports = (train_seeds, report_seeds) if config.seeds else (train, report)
    try:
        with all_processes().failing_together() as processes:
            if not processes.first:
                who = f"process {processes.index} of {processes.count}"
                logger.info(f"{who} takes part; process 0 writes and reports")
            outcome = trains(config, workdir)
            return processes.as_first(lambda: reports(outcome, workdir, config))
    except OtherFailed as error:
        return fail(str(error), error.status)
    except Diverged as error:
        return fail(str(error), FAILED)
    except jax.errors.JaxRuntimeError as error:
        return fail(f"the device gave up: {error}; {_less(config)}", FAILED)


def _less(config: Config) -> str:
    """What takes less of a device's memory."""
    import jax

    from jaxgan.ensemble import at_once
    from jaxgan.seeds import seeds_of

    what = "a smaller network or config.train.batch_size"
    most = at_once(config, config.parallel.devices or jax.device_count())
    if config.seeds and min(most, len(seeds_of(config))) > 1:
        what = f"fewer runs in one program (config.train.seeds_at_once), {what}"
    return f"if it is out of memory: {what}, in another --workdir"
