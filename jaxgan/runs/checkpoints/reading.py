"""Reading checkpoints: their state, what it scored, and the run that they belong to."""

import contextlib
import logging
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import jax
import orbax.checkpoint as ocp

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.gan.state import Gan, TrainState, build_gan, init_state
from jaxgan.runs.checkpoint_ref import BEST, LAST, checkpoint_folder
from jaxgan.runs.checkpoints.folder import steps
from jaxgan.runs.checkpoints.leaves import Leaves, flatten, leaves_sha256, unflatten
from jaxgan.runs.checkpoints.quiet import silence_orbax
from jaxgan.runs.checkpoints.writing import Score
from jaxgan.runs.environment import read_environment
from jaxgan.runs.seed_folders import read_single_config

logger = logging.getLogger(__name__)
# Of several processes the first alone reads, and waits for none of the others.
ALONE = ocp.options.MultiprocessingOptions(primary_host=0, active_processes={0})


def restore(directory: Path, like: TrainState, step: int) -> TrainState:
    """The state saved at `step`; `like` gives its structure, shapes and types.

    Raises:
      UserError: there is no such checkpoint, it is damaged, or it is of another network.
    """
    if step not in (known := steps(directory)):
        raise UserError(f"{directory}: no checkpoint of step {step}; there are: {known or 'none'}")
    wanted = flatten(like)
    try:
        leaves, recorded = _read(directory / str(step), wanted)
    except Exception as error:
        reason = (str(error) or repr(error)).splitlines()[0].split(":")[0]
        raise UserError(f"{directory / str(step)}: damaged checkpoint ({reason})") from None
    if leaves_sha256(leaves) != recorded:
        raise UserError(f"{directory / str(step)}: damaged checkpoint (its SHA-256 differs)")
    return unflatten(leaves, like)


def restore_newest_valid(
    directory: Path, like: TrainState, candidates: Iterable[int]
) -> TrainState | None:
    """Returns the state of the newest valid checkpoint among some steps, or None.

    Each damaged one that is passed over is named in a warning, with the reason.
    """
    for step in sorted(candidates, reverse=True):
        try:
            return restore(directory, like, step)
        except UserError as error:
            logger.warning(f"{error}; trying the one before")
    return None


def read_score(directory: Path, step: int) -> Score:
    """What was given to `save` with the checkpoint; nothing where that is damaged."""
    try:
        with _quiet_checkpointer() as checkpointer:
            args = ocp.args.Composite(record=ocp.args.JsonRestore())
            restored = checkpointer.restore((directory / str(step)).absolute(), args=args)
        return dict(restored["record"]["score"])
    except Exception:  # Orbax and what it calls have no common class of errors
        return {}


def restore_newest(directory: Path, like: TrainState) -> TrainState | None:
    """Returns the state of the newest valid checkpoint, or None if there is no checkpoint.

    Raises:
      UserError: there are checkpoints, and every one is damaged.
    """
    known = steps(directory)
    state = restore_newest_valid(directory, like, known)
    if known and state is None:
        raise UserError(f"{directory}: every checkpoint is damaged; choose another --workdir")
    return state


def load_run(workdir: Path, step: int = LAST) -> tuple[Config, Gan, TrainState]:
    """The config, rules and state of a trained run at a step, or at its LAST or BEST checkpoint.

    A damaged newest one is passed over with a warning; one that was asked for is not.

    Raises:
      UserError: there is no run, or no such sound checkpoint.
    """
    config = read_single_config(workdir)
    data = read_environment(workdir)["data"]
    image_shape = tuple(data["shape"])
    gan = build_gan(config, image_shape, data["classes"])
    directory = workdir / checkpoint_folder(step)
    like = init_state(gan, image_shape, jax.random.key(config.seed))
    newest = step in (LAST, BEST)
    state = restore_newest(directory, like) if newest else restore(directory, like, step)
    if state is None and step == BEST:
        raise UserError(
            f"--workdir {workdir}: no best checkpoint; config.evaluate.every is "
            f"{config.evaluate.every}, and 0 keeps none"
        )
    if state is None:
        raise UserError(f"--workdir {workdir}: no checkpoint yet")
    return config, gan, state


def _read(path: Path, wanted: Leaves) -> tuple[Leaves, str]:
    args = ocp.args.Composite(state=ocp.args.StandardRestore(wanted), record=ocp.args.JsonRestore())
    with _quiet_checkpointer() as checkpointer:
        restored = checkpointer.restore(path.absolute(), args=args)
    return restored["state"], restored["record"]["sha256"]


@contextlib.contextmanager
def _quiet_checkpointer() -> Iterator[ocp.Checkpointer]:
    silence_orbax()
    rules = ocp.CompositeOptions(multiprocessing_options=ALONE)
    handler = ocp.CompositeCheckpointHandler(composite_options=rules)
    with (
        warnings.catch_warnings(),
        ocp.Checkpointer(handler, multiprocessing_options=ALONE) as checkpointer,
    ):
        warnings.simplefilter("ignore")
        yield checkpointer
