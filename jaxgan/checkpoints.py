"""Checkpoints of a TrainState through Orbax: written in the background, atomic, several kept.

A checkpoint is a flat dictionary of numpy arrays named by their place in the state, beside the
SHA-256 of all their bytes, so that a damaged one is recognised and passed over.
"""

import contextlib
import hashlib
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from jaxgan.config import Config, UserError
from jaxgan.members import read_single_config
from jaxgan.progress import warn
from jaxgan.records import read_environment
from jaxgan.selection import BEST, LAST, checkpoint_folder
from jaxgan.silence import silence_orbax
from jaxgan.state import Gan, TrainState, build_gan, init_state

Leaves = dict[str, np.ndarray]
Score = dict[str, float]  # by name
# Of several processes the first alone writes and reads, and waits for none of the others.
ALONE = ocp.options.MultiprocessingOptions(primary_host=0, active_processes={0})


class Checkpoints:
    """The newest `keep` checkpoints of one run, open for writing."""

    def __init__(self, directory: Path, keep: int):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        remove_surplus(directory, keep)
        silence_orbax()
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep,
            cleanup_tmp_directories=True,
            create=False,
            multiprocessing_options=ALONE,
        )
        self._manager = ocp.CheckpointManager(directory.absolute(), options=options)

    def save(self, leaves: Leaves, score: Score | None = None) -> None:
        """Returns at once: the `flatten`ed state is written while training goes on.

        What it scored is kept beside it.

        Raises:
          UserError: this or the save before it could not be written.
        """
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(leaves),
            record=ocp.args.JsonSave({"sha256": fingerprint(leaves), "score": score or {}}),
        )
        self._do(lambda: self._manager.save(int(leaves["step"]), args=args, force=True))

    def wait(self) -> None:
        """Returns when every save is on the disk."""
        self._do(self._manager.wait_until_finished)

    def close(self) -> None:
        self._manager.close()

    def forget(self, step: int) -> None:
        """Removes a checkpoint, so that one of the same step can be saved."""
        self._do(lambda: self._manager.delete(step))

    def _do(self, action: Callable[[], object]) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                action()
        except Exception as error:
            reason = (str(error) or repr(error)).splitlines()[0]
            if "No space left on device" in reason:
                reason = "No space left on device; free some, then repeat the command to go on"
            raise UserError(f"{self.directory}: no checkpoint could be saved: {reason}") from None


def steps(directory: Path) -> list[int]:
    """The steps of which there is a checkpoint, ascending."""
    if not directory.is_dir():
        return []
    return sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal())


def remove_surplus(directory: Path, keep: int) -> None:
    """Removes checkpoints older than the newest `keep`, which a kill left."""
    for step in steps(directory)[:-keep]:
        shutil.rmtree(directory / str(step))


def set_aside_after(directory: Path, step: int, why: str = "damaged") -> None:
    """Renames the checkpoints of later steps to `<step>.why`; a run will write them again."""
    for later in steps(directory):
        if later > step:
            aside = directory / f"{later}.{why}"
            shutil.rmtree(aside, ignore_errors=True)
            (directory / str(later)).rename(aside)


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
    if fingerprint(leaves) != recorded:
        raise UserError(f"{directory / str(step)}: damaged checkpoint (its SHA-256 differs)")
    return unflatten(leaves, like)


def is_sound(directory: Path, like: TrainState, step: int) -> bool:
    """Whether the checkpoint of `step` can be restored; a warning says why not."""
    try:
        restore(directory, like, step)
    except UserError as error:
        warn(f"{error}; trying the one before")
        return False
    return True


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
    """The state of the newest sound checkpoint, or None where there is none at all.

    A damaged one is passed over with a warning.

    Raises:
      UserError: there are checkpoints, and every one is damaged.
    """
    known = steps(directory)
    for step in reversed(known):
        try:
            return restore(directory, like, step)
        except UserError as error:
            warn(f"{error}; trying the one before")
    if known:
        raise UserError(f"{directory}: every checkpoint is damaged; choose another --workdir")
    return None


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


def flatten(state: TrainState) -> Leaves:
    """Copies of a state's arrays on the host, by their dotted place in the state."""
    state = state.replace(key=jax.random.key_data(state.key))
    return named_leaves(state)


def named_leaves(tree: Any) -> Leaves:
    """Copies of a tree's arrays on the host, by their dotted place."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_name(path): np.array(leaf) for path, leaf in leaves}


def unflatten(leaves: Leaves, like: TrainState) -> TrainState:
    """The inverse of `flatten`, on the default device."""
    plain = like.replace(key=jax.random.key_data(like.key))
    state = jax.tree_util.tree_map_with_path(lambda path, _: jnp.array(leaves[_name(path)]), plain)
    return state.replace(key=jax.random.wrap_key_data(state.key))


def fingerprint(leaves: Leaves) -> str:
    """SHA-256 over names, shapes, types and bytes."""
    digest = hashlib.sha256()
    for name in sorted(leaves):
        leaf = leaves[name]
        digest.update(f"{name} {leaf.shape} {leaf.dtype}\n".encode())
        digest.update(np.ascontiguousarray(leaf).data)
    return digest.hexdigest()


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


def _name(path) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")
