"""The training command, once flags and config are known to be valid; JAX is imported late."""

import logging
from pathlib import Path

from jaxgan.cli.messages import print_error, print_result, print_seed_results
from jaxgan.config.errors import EXIT_FAILED
from jaxgan.config.jax_env import set_deterministic_flag
from jaxgan.config.schema import Config
from jaxgan.parallel.initialize import ProcessSpec, initialize_distributed
from jaxgan.runs import directory

logger = logging.getLogger(__name__)


def start_training(config: Config, workdir: Path, place: ProcessSpec | None) -> int:
    """Trains, by itself or in its place among several processes; returns the exit status.

    Raises:
      UserError: config, data, folder or place do not allow it.
    """
    if place is None:
        directory.check_workdir(workdir, config)  # of several processes the first will, for all
    set_deterministic_flag(config.deterministic)
    if place is not None:
        initialize_distributed(place)
    return _train(config, workdir)


def _train(config: Config, workdir: Path) -> int:
    import jax

    from jaxgan.config.errors import TrainingDiverged
    from jaxgan.parallel.process_group import PeerFailed, process_group
    from jaxgan.training.loop import train
    from jaxgan.training.train_seeds import train_seeds

    trains, reports = (train_seeds, print_seed_results) if config.seeds else (train, print_result)
    try:
        with process_group().failing_together() as processes:
            if not processes.first:
                who = f"process {processes.index} of {processes.count}"
                logger.info(f"{who} takes part; process 0 writes and reports")
            outcome = trains(config, workdir)
            return processes.as_first(lambda: reports(outcome, workdir, config))
    except PeerFailed as error:
        return print_error(str(error), error.status)
    except TrainingDiverged as error:
        return print_error(str(error), EXIT_FAILED)
    except jax.errors.JaxRuntimeError as error:
        return print_error(f"the device gave up: {error}; {_memory_advice(config)}", EXIT_FAILED)


def _memory_advice(config: Config) -> str:
    """What takes less of a device's memory."""
    import jax

    from jaxgan.config.seeds import seeds_of
    from jaxgan.training.train_seeds import seeds_per_program

    what = "a smaller network or config.train.batch_size"
    most = seeds_per_program(config, config.parallel.devices or jax.device_count())
    if config.seeds and min(most, len(seeds_of(config))) > 1:
        what = f"fewer runs in one program (config.train.seeds_at_once), {what}"
    return f"if it is out of memory: {what}, in another --workdir"
