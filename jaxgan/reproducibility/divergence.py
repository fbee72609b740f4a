"""Replays two runs whose ledgers differ to their first differing arrays; measures their drift."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxgan.config.errors import UserError
from jaxgan.gan.checksums import WINDOWS
from jaxgan.gan.state import TrainState
from jaxgan.reproducibility.replay import (
    LoadedRun,
    ReplayedSteps,
    final_state,
    replay,
    state_at,
    steps_in_one_call,
)
from jaxgan.runs import checkpoints, layout
from jaxgan.runs.program import initial_state
from jaxgan.types import Params

DRIFT_STEPS = 64  # replayed after the first difference
# Steps replayed at a time. The states after each of them stay in memory, so there are few.
REPLAY_WINDOW = 2


class LeafDiff(NamedTuple):
    """The difference of an array between two runs.

    Attributes:
      name: dotted path, such as "disc.params.Linear_0.dense.kernel".
      entries: number of entries that differ, out of `size`.
      largest: largest absolute difference; NaN if the shapes differ.
    """

    name: str
    entries: int
    size: int
    largest: float


class Drift(NamedTuple):
    """The relative distance |a - b| / |a| of each player's parameters after a step.

    Attributes:
      replayed: False if it was measured on checkpoints.
    """

    step: int
    disc: float
    gen: float
    replayed: bool


class Divergence(NamedTuple):
    """The first difference between two runs.

    Attributes:
      step: the first step with a different result, or an upper bound; 0 if the initial states
        differ.
      leaves: the arrays that differ, causes before consequences.
    """

    step: int
    leaves: list[LeafDiff]


def find_divergence(
    a: LoadedRun, b: LoadedRun, first_step: int, last_step: int
) -> Divergence | None:
    """Replays both runs over the steps of the row in which their ledgers differ first.

    The replay starts a few steps earlier, since a ledger covers a whole state only in
    `gan.checksums.WINDOWS` steps.

    Returns:
      The first difference, or None if the replays do not differ.
    """
    start = max(0, first_step - 1 - WINDOWS)
    states = state_at(a, start), state_at(b, start)
    # Initial states may differ, and so may states read from checkpoints, which no ledger explains.
    if leaves := list(_diff_leaves(*map(checkpoints.flatten, states))):
        return Divergence(start, leaves)
    for pair in _replay_both(a, b, states, last_step - start):
        for index, step in enumerate(pair[0].steps):
            if leaves := _diff_step(*pair, index):
                return Divergence(step, leaves)
    return None


def replayed_drift(a: LoadedRun, b: LoadedRun, step: int) -> list[Drift]:
    """Measures the drift in replayed steps from `step` on, then at the common checkpoints.

    The two runs must have the same networks.
    """
    start = max(0, step - 1)
    states = state_at(a, start), state_at(b, start)
    drifts: list[Drift] = []
    for pair in _replay_both(a, b, states, DRIFT_STEPS):
        old, new = (replayed.output.trace["state"] for replayed in pair)
        drifts += _measure_drift(pair[0].steps, old, new, replayed=True)
    return drifts + checkpoint_drift(a, b, drifts[-1].step if drifts else step - 1)


def checkpoint_drift(a: LoadedRun, b: LoadedRun, after: int) -> list[Drift]:
    """Measures the drift at the valid checkpoints that both runs have after a step."""
    folders = [run.workdir / layout.CHECKPOINTS for run in (a, b)]
    common = set(checkpoints.steps(folders[0])) & set(checkpoints.steps(folders[1]))
    drifts = []
    for step in sorted(step for step in common if step > after):
        try:
            states = [
                checkpoints.restore(folder, initial_state(run.program), step)
                for folder, run in zip(folders, (a, b), strict=True)
            ]
        except UserError:
            continue  # damaged
        # One step, with the leading axis that replayed steps have.
        old, new = (jax.tree.map(lambda array: array[None], state) for state in states)
        drifts += _measure_drift((step,), old, new, replayed=False)
    return drifts


def have_same_arrays(a: LoadedRun, b: LoadedRun) -> bool:
    """Returns whether the states of two runs have the same arrays, shapes and types."""
    states = (checkpoints.flatten(initial_state(run.program)) for run in (a, b))
    old, new = ({name: (x.shape, x.dtype) for name, x in leaves.items()} for leaves in states)
    return old == new


def _replay_both(
    a: LoadedRun, b: LoadedRun, states: tuple[TrainState, TrainState], count: int
) -> Iterator[tuple[ReplayedSteps, ReplayedSteps]]:
    """Replays both runs for `count` steps, a window at a time; stops where the shorter run ends."""
    runs = [run.program for run in (a, b)]
    last = int(states[0].step) + count
    last = min(last, *(run.plan.total for run in runs))
    while (done := int(states[0].step)) < last:
        # Both runs must replay equally many steps.
        window = min(REPLAY_WINDOW, last - done, *(steps_in_one_call(run, done) for run in (a, b)))
        pair = replay(a, states[0], window), replay(b, states[1], window)
        yield pair
        states = final_state(pair[0]), final_state(pair[1])


def _diff_step(a: ReplayedSteps, b: ReplayedSteps, index: int) -> list[LeafDiff]:
    """Returns the arrays that differ in one step, causes before consequences."""
    values = []
    for replayed in (a, b):
        trace = jax.tree.map(lambda array: array[index], replayed.output.trace)
        values.append({"batch": replayed.order[index], **trace, **vars(trace["state"])})
    old, new = values
    # In the order in which a step computes them.
    parts = ("batch", "latents", "disc_grads", "disc", "gen_grads", "gen", "ema_params")
    return [
        leaf
        for part in parts
        for leaf in _diff_leaves(*(checkpoints.named_leaves({part: x[part]}) for x in (old, new)))
    ]


def _diff_leaves(old: checkpoints.Leaves, new: checkpoints.Leaves) -> Iterator[LeafDiff]:
    """Yields the arrays whose bits differ; those that one side lacks come first."""
    common = [name for name in old if name in new and old[name].shape == new[name].shape]
    for name in sorted((old.keys() | new.keys()) - set(common)):
        size = max(leaves[name].size for leaves in (old, new) if name in leaves)
        # With another shape no entry has a counterpart, so all of them count as different.
        yield LeafDiff(name, size, size, float("nan"))
    for name in common:
        a, b = (np.atleast_1d(leaves[name]) for leaves in (old, new))
        # Bits and not values: NaN equals itself here, and -0.0 differs from 0.0.
        if entries := int(np.count_nonzero(a.view(f"u{a.itemsize}") != b.view(f"u{b.itemsize}"))):
            with np.errstate(invalid="ignore"):
                # Unsigned integers, such as a key's, would wrap around.
                largest = np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)))
            yield LeafDiff(name, entries, a.size, float(largest))


def _measure_drift(
    steps: Iterable[int], a: TrainState, b: TrainState, replayed: bool
) -> list[Drift]:
    """Measures the drift of states that are stacked over the steps."""
    distances = (_distances(x.params, y.params) for x, y in ((a.disc, b.disc), (a.gen, b.gen)))
    return [
        Drift(step, float(disc), float(gen), replayed)
        for step, disc, gen in zip(steps, *distances, strict=True)
    ]


@jax.jit
def _distances(a: Params, b: Params) -> Float[Array, " steps"]:
    """Returns |a - b| / |a| along the leading axis."""
    differences = [x - y for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)]
    return jnp.sqrt(_sum_of_squares(differences) / _sum_of_squares(jax.tree.leaves(a)))


def _sum_of_squares(leaves: list[Array]) -> Float[Array, " steps"]:
    sums = [jnp.sum(leaf.reshape(len(leaf), -1) ** 2, axis=1) for leaf in leaves]
    return jnp.sum(jnp.stack(sums), axis=0)
