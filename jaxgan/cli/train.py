"""The train command, once flags and config are known to be valid; JAX is imported late."""

import dataclasses
import logging
from pathlib import Path

from jaxgan.cli.messages import print_error
from jaxgan.config.errors import EXIT_FAILED, TrainingDiverged
from jaxgan.config.jax_env import open_one_gpu, set_deterministic_flag
from jaxgan.config.packages import check_packages
from jaxgan.config.schema import Config
from jaxgan.parallel.initialize import ProcessSpec, initialize_distributed
from jaxgan.runs import directory

logger = logging.getLogger(__name__)


def start_training(config: Config, workdir: Path, spec: ProcessSpec | None) -> int:
    """Trains alone, or as one of several processes; returns the exit status.

    Raises:
      UserError: config, data, folder or process numbers do not allow it.
    """
    check_packages(config)
    # At once, before JAX is imported. Several processes check it later and together, since one
    # that stops here would leave the others waiting.
    if spec is None:
        # Not at the top of the file: `--help` needs no numpy.
        from jaxgan.data.recognise import with_found_name

        data = with_found_name(config.data, announce=True)
        config = dataclasses.replace(config, data=data)
        directory.check_workdir(workdir, config)
    set_deterministic_flag(config.deterministic)
    if spec is not None:
        initialize_distributed(spec)
    elif config.parallel.devices == 1:
        open_one_gpu()

    import jax

    from jaxgan.cli.results import print_result, print_seed_results
    from jaxgan.parallel.process_group import from_primary, is_primary
    from jaxgan.training.loop import train
    from jaxgan.training.train_seeds import train_seeds

    if spec is not None and not is_primary():
        who = f"process {jax.process_index()} of {jax.process_count()}"
        logger.info(f"{who} takes part; process 0 writes and reports")
    try:
        if config.seeds:
            results = train_seeds(config, workdir)
            status = print_seed_results(results, workdir, config) if is_primary() else 0
        else:
            result = train(config, workdir)
            status = print_result(result, workdir, config) if is_primary() else 0
    except TrainingDiverged as error:
        return print_error(str(error), EXIT_FAILED)
    except jax.errors.JaxRuntimeError as error:
        lost = "; if another process was lost: repeat all commands to resume"
        advice = lost if jax.process_count() > 1 else ""
        return print_error(f"device error: {error}{advice}", EXIT_FAILED)
    # Only the primary process knows the results, and all must end with the same status.
    return int(from_primary(status))
