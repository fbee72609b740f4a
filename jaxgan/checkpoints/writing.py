"""Writing checkpoints of one folder, by this process alone or by several, each its part."""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan.checkpoints.folder import remove_surplus
from jaxgan.checkpoints.leaves import Leaves, fingerprint
from jaxgan.config import UserError
from jaxgan.silence import silence_orbax

Score = dict[str, float]  # by name
# The folder, how many are kept, what is done and with which step: told to others before it is done.
Announce = Callable[[Path, int, str, int], None]
AXIS = "writers"
PATIENCE = 60  # seconds that one writer waits for the others, once it has written its own part


class Checkpoints:
    """The newest `keep` checkpoints of one run, open for writing."""

    def __init__(self, directory: Path, keep: int):
        directory.mkdir(parents=True, exist_ok=True)
        remove_surplus(directory, keep)
        self.directory = directory
        self._keep = keep
        self._announce: Announce | None = None
        self._writers = 1

    def share(self, writers: int, announce: Announce | None = None) -> None:
        """From now on so many processes, which all see the folder, write each its part.

        What the first does here it announces; each of the others then does the same.
        """
        self._writers, self._announce = writers, announce

    def save(self, leaves: Leaves, score: Score | None = None) -> None:
        """Returns at once: the `flatten`ed state is written while training goes on.

        What it scored is kept beside it.

        Raises:
          UserError: this or the save before it could not be written.
        """
        step = int(leaves["step"])
        parts = _parts(leaves, self._writers) if self._writers > 1 else leaves
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(parts),
            record=ocp.args.JsonSave({"sha256": fingerprint(leaves), "score": score or {}}),
        )
        self._tell("save", step)
        self._do(lambda: self._manager.save(step, args=args, force=True))

    def wait(self) -> None:
        """Returns when every save is on the disk."""
        if self._opened:
            self._do(self._manager.wait_until_finished)

    def close(self) -> None:
        if self._opened:
            self._manager.close()

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
        silence_orbax()
        options = ocp.CheckpointManagerOptions(
            max_to_keep=self._keep,
            cleanup_tmp_directories=True,
            create=False,
            async_options=ocp.AsyncOptions(timeout_secs=PATIENCE) if self._writers > 1 else None,
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
            raise UserError(
                f"{self.directory}: no checkpoint could be saved: {_reason(error)}"
            ) from None


def _reason(error: BaseException) -> str:
    reason = (str(error) or repr(error)).splitlines()[0]
    if "barrier" in reason.lower():  # met by one writer alone, which may have failed before
        if error.__context__:
            return _reason(error.__context__)
        return f"another process did not write its part within {PATIENCE} s"
    if "No space left on device" in reason:
        return "No space left on device; free some, then repeat the command to go on"
    return reason


def _parts(leaves: Leaves, writers: int) -> dict[str, jax.Array]:
    """The arrays, of which each process has its part along the first axis that can be divided.

    One that has no such axis is whole in all of them; Orbax then writes it once.
    """
    devices = {device.process_index: device for device in reversed(jax.devices())}
    mesh = Mesh(np.asarray([devices[i] for i in range(writers)]), (AXIS,))
    parts: dict[str, jax.Array] = {}
    for name, leaf in leaves.items():
        divisible = [axis for axis, size in enumerate(leaf.shape) if size and size % writers == 0]
        spec = PartitionSpec(*[None] * divisible[0], AXIS) if divisible else PartitionSpec()
        sharding = NamedSharding(mesh, spec)
        parts[name] = jax.make_array_from_callback(leaf.shape, sharding, leaf.__getitem__)
    return parts
