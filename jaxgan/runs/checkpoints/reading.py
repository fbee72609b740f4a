"""Reads checkpoints: the state, what was recorded with it, and the run that they belong to."""

import functools
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.gan.state import Gan, TrainState, build_gan, init_state, init_state_quickly
from jaxgan.parallel.host_memory import host_memory
from jaxgan.runs.checkpoint_ref import CheckpointRef, checkpoint_folder
from jaxgan.runs.checkpoints.folder import steps
from jaxgan.runs.checkpoints.leaves import Leaves, flatten, leaves_sha256, unflatten
from jaxgan.runs.checkpoints.quiet import OrbaxError, call_quietly
from jaxgan.runs.checkpoints.writing import Record, Score
from jaxgan.runs.environment import read_data_record, read_environment
from jaxgan.runs.layout import CONFIG, ENVIRONMENT
from jaxgan.runs.mathematics import warn_of_mathematics
from jaxgan.runs.plan import images_in_run, make_step_plan
from jaxgan.runs.seed_folders import read_single_config

logger = logging.getLogger(__name__)


class DamagedCheckpoint(UserError):
    """A checkpoint whose content is not what was saved; an older one may be intact."""


def restore(directory: Path, template: TrainState, step: int) -> TrainState:
    """Returns the state saved at `step`; `template` gives its structure, shapes and types.

    Raises:
      DamagedCheckpoint: Orbax cannot read it, or its SHA-256 is not the recorded one.
      UserError: there is no such checkpoint, or it is of another network.
    """
    if step not in (known := steps(directory)):
        raise UserError(f"{directory}: no checkpoint of step {step}; there are: {known or 'none'}")
    path = directory / str(step)
    # Without the shapes of the template: Orbax checks only some of them, and its error would not
    # tell another network from damage.
    parts = {"state": ocp.args.StandardRestore(), "record": ocp.args.JsonRestore()}
    try:
        restored = _read(path, **parts)
    except OrbaxError as error:
        reason = str(error).split(":")[0] + _other_orbax(directory.parent)
        raise DamagedCheckpoint(f"{path}: damaged checkpoint ({reason})") from None
    leaves: Leaves = restored["state"]
    # Arrays and a record with changed bytes may still be ones that Orbax can read.
    if leaves_sha256(leaves) != _as_dict(restored["record"]).get("sha256"):
        raise DamagedCheckpoint(f"{path}: damaged checkpoint (its SHA-256 differs)")
    _check_arrays(path, leaves, flatten(template))
    return unflatten(leaves, template)


def restore_newest_valid(
    directory: Path, template: TrainState, candidates: Iterable[int]
) -> TrainState | None:
    """Returns the state of the newest valid checkpoint among some steps, or None.

    Each damaged one that is skipped is named in a warning, with the reason.

    Raises:
      UserError: a checkpoint is of another network.
    """
    for step in sorted(candidates, reverse=True):
        try:
            return restore(directory, template, step)
        # One of another network is no damage: the checkpoints before it are of that network too.
        except DamagedCheckpoint as error:
            logger.warning(f"{error}; trying the one before")
    return None


def read_score(directory: Path, step: int) -> Score:
    """Returns the score that was saved with the checkpoint; an empty one if it is damaged."""
    return _as_dict(_read_record(directory, step).get("score"))


def read_record(directory: Path, step: int) -> Record:
    """Returns what was saved with the checkpoint for a resumed run.

    Counts that a checkpoint of an older version lacks are 0.
    """
    saved = _read_record(directory, step)
    counts = {name: saved.get(name) for name in Record._fields}
    return Record(**{name: count for name, count in counts.items() if isinstance(count, int)})


def restore_newest(directory: Path, template: TrainState) -> TrainState | None:
    """Returns the state of the newest valid checkpoint, or None if there is no checkpoint.

    Raises:
      UserError: there are checkpoints, and every one is damaged or of another network.
    """
    known = steps(directory)
    state = restore_newest_valid(directory, template, known)
    # To start again in this folder would rename everything that is left of the run.
    if known and state is None:
        advice = "install that version, or " if (other := _other_orbax(directory.parent)) else ""
        raise UserError(
            f"{directory}: every checkpoint is damaged{other}; {advice}choose another --workdir"
        )
    return state


def load_run(workdir: Path, ref: CheckpointRef = "last") -> tuple[Config, Gan, TrainState]:
    """Loads a trained run from its folder.

    For "last", a damaged newest checkpoint is passed over with a warning. A warning also says
    that the run's network was computed in another way.

    Args:
      ref: which checkpoint: "last", "best" (by held-out distance) or a step.

    Raises:
      UserError: there is no run, or no such checkpoint, or it is damaged.
    """
    config = read_single_config(workdir)
    warn_of_mathematics(workdir, config, "network")
    # From the record: a generator must load where its data set is not at hand.
    data = read_data_record(workdir)
    image_shape = tuple(data["shape"])
    images = images_in_run(config.train, make_step_plan(config.train, data["examples"]))
    # A record of an older version has no counts.
    counts = tuple(data.get("class_counts", ()))
    gan = build_gan(config, image_shape, data["classes"], counts, images)
    directory = workdir / checkpoint_folder(ref)
    _check_size(workdir, gan, image_shape)
    template = init_state_quickly(gan, image_shape, jax.random.key(config.seed))
    # A step that was named is that one or an error; no other stands in for it.
    if isinstance(ref, int):
        return config, gan, restore(directory, template, ref)
    state = restore_newest(directory, template)
    if state is None and ref == "best":
        raise UserError(
            f"--workdir {workdir}: no best checkpoint; config.evaluate.every is "
            f"{config.evaluate.every}, and 0 keeps none"
        )
    if state is None:
        raise UserError(f"--workdir {workdir}: no checkpoint yet")
    return config, gan, state


def _other_orbax(workdir: Path) -> str:
    """Says that another version of Orbax may have written a run's checkpoints; "" if none has."""
    if not (workdir / ENVIRONMENT).exists():
        return ""
    recorded = read_environment(workdir)
    starts = (recorded, *recorded.get("changes", ()))
    versions = [(start.get("versions") or {}).get("orbax-checkpoint") for start in starts]
    others = sorted({str(version) for version in versions if version} - {ocp.__version__})
    if not others:
        return ""
    return f", or made by another version: Orbax {' or '.join(others)}, not {ocp.__version__}"


def _check_arrays(path: Path, saved: Leaves, wanted: Leaves) -> None:
    """Raises UserError unless two states have the same arrays, shapes and types."""
    old, new = ({n: f"{x.dtype}{list(x.shape)}" for n, x in s.items()} for s in (saved, wanted))
    if differing := [name for name in new | old if old.get(name) != new.get(name)]:
        name = differing[0]
        raise UserError(
            f"{path}: of another network than its run's {CONFIG} describes: {name} is "
            f"{old.get(name, 'not there')}, must be {new.get(name, 'not there')}; restore the "
            f"{CONFIG} that it was trained with, or use the version of jaxgan that made it"
        )


def _check_size(workdir: Path, gan: Gan, image_shape: tuple[int, ...]) -> None:
    """Refuses a record of a run whose networks no memory holds, before they are built."""
    init = functools.partial(init_state, gan, image_shape)
    try:
        leaves = jax.tree.leaves(jax.eval_shape(init, jax.random.key(0)))
    except UserError:
        raise
    # JAX has no common class of errors for sizes beyond those of its integers.
    except (OverflowError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--workdir {workdir}: its record has absurd sizes ({reason})") from None
    size, memory = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves), host_memory()
    if size > memory:
        raise UserError(
            f"--workdir {workdir}: its record has networks of {size / 1e9:.3g} GB, and this "
            f"machine has {memory / 1e9:.3g} GB of memory"
        )


def _read_record(directory: Path, step: int) -> dict[str, Any]:
    try:
        restored = _read(directory / str(step), record=ocp.args.JsonRestore())
    except OrbaxError:
        return {}
    return _as_dict(restored["record"])


def _as_dict(value: Any) -> dict[str, Any]:
    """Returns the value if it is a dict, as an intact record is; else an empty one."""
    return value if isinstance(value, dict) else {}


def _read(path: Path, **parts: ocp.args.CheckpointArgs) -> Any:
    # Each process reads for itself: a damaged file must not leave the others waiting.
    index = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(primary_host=index, active_processes={index})
    options = ocp.CompositeOptions(multiprocessing_options=alone)
    handler = ocp.CompositeCheckpointHandler(composite_options=options)

    def restore_parts() -> Any:
        with ocp.Checkpointer(handler, multiprocessing_options=alone) as checkpointer:
            return checkpointer.restore(path.absolute(), args=ocp.args.Composite(**parts))

    return call_quietly(restore_parts)
