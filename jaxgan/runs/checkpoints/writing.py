"""Writing checkpoints of one folder, by this process alone or by several, each its part."""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan.config.errors import UserError
from jaxgan.runs.checkpoints.folder import tidy
from jaxgan.runs.checkpoints.leaves import Leaves, leaves_sha256
from jaxgan.runs.checkpoints.quiet import silence_orbax

Score = dict[str, float]  # by name
# The folder, how many are kept, what is done and with which step: told to others before it is done.
Announce = Callable[[Path, int, str, int], None]
AXIS = "writers"
SAVE_TIMEOUT_S = 300  # seconds that a save by several may take, one waiting for the other included


class Checkpoints:
    """The newest `keep` checkpoints of one run, open for writing."""

    def __init__(self, directory: Path, keep: int):
        silence_orbax()
        self.directory = directory
        self._keep = keep
        self._announce: Announce | None = None
        self._writers = 1

    def tidied(self) -> "Checkpoints":
        """Itself, once the folder has nothing that a kill left; the first process calls this."""
        tidy(self.directory, self._keep)
        return self

    def share(self, writers: int, announce: Announce | None = None) -> None:
        """From now on so many processes, which all see the folder, write each its part.

        What the first does here it announces; each of the others then does the same.
        """
        self._writers, self._announce = writers, announce

    def save(self, leaves: Leaves, score: Score | None = None) -> None:
        """Returns at once, or when the others have come: the `flatten`ed state is written while
        training goes on.

        What it scored is kept beside it.

        Raises:
          UserError: this or the save before it could not be written.
        """
        step = int(leaves["step"])
        parts = _parts(leaves, self._writers) if self._writers > 1 else leaves
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(parts),
            record=ocp.args.JsonSave({"sha256": leaves_sha256(leaves), "score": score or {}}),
        )
        self._tell("save", step)
        self._do(lambda: self._manager.save(step, args=args, force=True))

    def wait(self) -> None:
        """Returns when every save is on the disk."""
        if self._opened:
            self._do(self._manager.wait_until_finished)

    def close(self) -> None:
        if self._opened:
            self._do(self._manager.close)

    def forget(self, step: int) -> None:
        """Removes a checkpoint, so that one of the same step can be saved."""
        self._tell("forget", step)
        self._do(lambda: self._manager.delete(step))

    def _tell(self, what: str, step: int) -> None:
        if self._announce:
            self._announce(self.directory, self._keep, what, step)

    @property
    def _opened(self) -> bool:
        return "_manager" in vars(self)

    @functools.cached_property
    def _manager(self) -> ocp.CheckpointManager:
        """Opened when there is something to write, since all that write open it together."""
        options = ocp.CheckpointManagerOptions(
            max_to_keep=self._keep,
            create=False,
            async_options=ocp.AsyncOptions(timeout_secs=SAVE_TIMEOUT_S)
            if self._writers > 1
            else None,
            multiprocessing_options=ocp.options.MultiprocessingOptions(
                primary_host=0,
                active_processes=set(range(self._writers)),
                barrier_sync_key_prefix=self.directory.name,
            ),
        )
        return ocp.CheckpointManager(self.directory.absolute(), options=options)

    def _do(self, action: Callable[[], object]) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                action()
        except Exception as error:
            shared = self._writers > 1
            cause = _first_of(error) if shared else error
            reason = (str(cause) or repr(cause)).splitlines()[0]
            if shared and isinstance(cause, jax.errors.JaxRuntimeError):
                if "DEADLINE_EXCEEDED" not in reason:
                    raise cause from None  # another process was lost, of which JAX will tell
                reason = f"another process did not write its part within {SAVE_TIMEOUT_S} s"
            if "No space left on device" in reason:
                reason = "No space left on device; free some, then repeat the command to go on"
            raise UserError(f"{self.directory}: no checkpoint could be saved: {reason}") from None


def _first_of(error: BaseException) -> BaseException:
    """The error that all others came of: of a writer that failed not that it then met nobody."""
    while before := error.__cause__ or error.__context__:
        error = before
    return error


def _parts(leaves: Leaves, writers: int) -> dict[str, jax.Array | np.ndarray]:
    """The arrays, each process having its part of those with an axis that can be divided.

    The parts are on one device of each. The other arrays stay on the host: the first writes them.
    """
    devices = {device.process_index: device for device in reversed(jax.devices())}
    mesh = Mesh(np.asarray([devices[i] for i in range(writers)]), (AXIS,))
    parts: dict[str, jax.Array | np.ndarray] = dict(leaves)
    for name, leaf in leaves.items():
        if divisible := [axis for axis, size in enumerate(leaf.shape) if size % writers == 0]:
            sharding = NamedSharding(mesh, PartitionSpec(*[None] * divisible[0], AXIS))
            parts[name] = jax.make_array_from_callback(leaf.shape, sharding, leaf.__getitem__)
    return parts
