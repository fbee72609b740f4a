"""The processes that train one run together: what each must know of the others.

All do the same steps, each on devices of its own, and meet after each chunk; of the run directory
the others touch nothing but their parts of the checkpoints that the first orders. What they tell
each other goes through JAX's coordination service, for which no device waits. One process by itself
meets nobody.
"""

import contextlib
import functools
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax._src import distributed
from jax.experimental import multihost_utils

from jaxgan import __version__
from jaxgan.config.errors import EXIT_FAILED, EXIT_USAGE, TrainingDiverged, UserError
from jaxgan.config.fields import iter_settings
from jaxgan.config.schema import Config
from jaxgan.data import Dataset
from jaxgan.gan.state import TrainState
from jaxgan.runs import checkpoints

PER_PROCESS_SETTINGS = ("data.dir", "data.source")  # settings that each process may have to itself
MAX_WAIT_MS = (
    24 * 3600 * 1000
)  # milliseconds; JAX's heartbeats end a wait for a process that is lost
PEER_LOSS_TIMEOUT_S = 60  # seconds within which JAX notices a lost process


class PeerFailed(RuntimeError):
    """Another process has said that it ends with an error; `status` is its exit status."""

    def __init__(self, words: str, status: int):
        super().__init__(words)
        self.status = status


class ProcessGroup:
    """All that train this run.

    Attributes:
      index, count: of this one, from 0, and of all.
    """

    def __init__(self) -> None:
        self.index = distributed.global_state.process_id
        self.count = distributed.global_state.num_processes
        self._numbers = itertools.count()
        self._obey: Callable[..., None] = _nothing_to_obey

    @property
    def first(self) -> bool:
        return self.index == 0

    def meet(self, within: int = MAX_WAIT_MS, **said: Any) -> list[dict[str, Any]]:
        """What each process says, in their order, once all are here; all meet equally often.

        Where the first gives an `order`, the others obey and come to the next meeting instead.

        Args:
          within: milliseconds to wait for the others.

        Raises:
          OtherFailed: one of the others is `failing_together`.
          JaxRuntimeError: not all came in time.
        """
        if self.count == 1:
            return [said]
        while True:
            everything = self._meet_once(within, said)
            order = everything[0].get("order")
            if order is None or self.first or "failed" in said:
                return everything
            self._obey(**order)

    def order(self, **order: Any) -> None:
        """Has the others do something, at the next meeting to which they come."""
        self.meet(order=order)

    @contextlib.contextmanager
    def obeying(self, obey: Callable[..., None]) -> Iterator[None]:
        """Within it what the first orders is done so."""
        self._obey = obey
        try:
            yield
        finally:
            self._obey = _nothing_to_obey

    def _meet_once(self, within: int, said: dict[str, Any]) -> list[dict[str, Any]]:
        meeting = f"jaxgan/{next(self._numbers)}"
        client: Any = distributed.global_state.client
        client.key_value_set(f"{meeting}/{self.index}", json.dumps(said))
        client.wait_at_barrier(meeting, within)
        heard = dict(client.key_value_dir_get(f"{meeting}/"))
        everything: list[dict[str, Any]] = [
            json.loads(heard[f"{meeting}/{i}"]) for i in range(self.count)
        ]
        for i, other in enumerate(everything):
            if "failed" in other and i != self.index:
                raise PeerFailed(f"process {i}: {other['failed']}", other["status"])
        return everything

    @contextlib.contextmanager
    def failing_together(self) -> Iterator["ProcessGroup"]:
        """Tells the others, at the meeting to which they come next, of an error in this one.

        If they do not come, as when what they compute waits for this one, JAX will tell them.
        """
        try:
            yield self
        except PeerFailed:
            raise
        except Exception as error:
            if self.count > 1 and isinstance(error, jax.errors.JaxRuntimeError):
                _await_the_end(error)
            usage = isinstance(error, UserError | OSError)
            clear = usage or isinstance(error, TrainingDiverged)
            words = str(error) if clear else f"{type(error).__name__}: {error}"
            with contextlib.suppress(PeerFailed, jax.errors.JaxRuntimeError):
                self.meet(
                    1000 * PEER_LOSS_TIMEOUT_S,
                    failed=words,
                    status=EXIT_USAGE if usage else EXIT_FAILED,
                )
            raise

    def as_first(self, report: Callable[[], int]) -> int:
        """The exit status that the first process reports; the others report nothing."""
        return self.meet(status=report() if self.first else 0)[0]["status"]

    def agree(self, config: Config, data: Dataset) -> None:
        """Makes sure that all train the same.

        Raises:
          UserError: one has another setting, other data, or another version.
        """
        own = {
            f"config.{n}": repr(value)
            for n, _, value in iter_settings(config)
            if n not in PER_PROCESS_SETTINGS
        }
        own |= {"the data's SHA-256": data.sha256, "jaxgan": __version__, "jax": jax.__version__}
        if self.count > 1:
            own["the number of devices"] = str(jax.local_device_count())
        all_own = [said["own"] for said in self.meet(own=own)]
        for i, other in enumerate(all_own):
            if differing := _differing(all_own[0], other):
                raise UserError(f"the processes of a run must agree: {_in_words(differing, i)}")

    def stopping(self, caught: list[int], going: bool) -> tuple[int, bool]:
        """The first signal that any process has caught, or 0; whether the first still has a run
        that is going."""
        said = self.meet(signal=caught[0] if caught else 0, going=going)
        signal = next((other["signal"] for other in said if other["signal"]), 0)
        return signal, said[0]["going"]

    def of_first(self, state: TrainState) -> TrainState:
        """The state that the first process has, to the bit; others give one of the same shapes."""
        if self.count == 1:
            return state
        leaves = checkpoints.flatten(state)
        parts = [leaf.reshape(-1).view(np.uint8) for leaf in leaves.values()]
        # As bytes, since what is sent is added up with zeros, which -0.0 does not outlive.
        sent = np.split(
            multihost_utils.broadcast_one_to_all(np.concatenate(parts)),
            np.cumsum([len(part) for part in parts])[:-1],
        )
        found = {
            name: part.view(leaf.dtype).reshape(leaf.shape)
            for (name, leaf), part in zip(leaves.items(), sent, strict=True)
        }
        return checkpoints.unflatten(found, state)


@functools.cache
def process_group() -> ProcessGroup:
    """Those that `jax.distributed` has connected, or this one."""
    return ProcessGroup()


def _nothing_to_obey(**order: Any) -> None:
    raise AssertionError(f"nothing to do was agreed upon, but the first process orders {order}")


def _await_the_end(error: jax.errors.JaxRuntimeError) -> None:
    """Waits for JAX to end this process, where the error may come of another one that is lost."""
    if "RESOURCE_EXHAUSTED" not in str(error):
        time.sleep(PEER_LOSS_TIMEOUT_S)


def _differing(first: Mapping[str, str], other: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    names = first.keys() | other.keys()
    pairs = {name: (first.get(name, "none"), other.get(name, "none")) for name in sorted(names)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _in_words(differing: Mapping[str, tuple[str, str]], index: int) -> str:
    return "; ".join(
        f"{name} is {first} in process 0 and {other} in process {index}"
        for name, (first, other) in differing.items()
    )
