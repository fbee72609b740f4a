"""Where two replayed runs part: the first step, the first leaf, and how fast they go apart."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxgan.config.errors import UserError
from jaxgan.gan.checksums import WINDOWS
from jaxgan.gan.state import TrainState
from jaxgan.reproducibility.replay import (
    LoadedRun,
    ReplayedSteps,
    final_state,
    replay,
    state_at,
)
from jaxgan.runs import checkpoints, layout
from jaxgan.runs.checkpoints import Leaves
from jaxgan.runs.program import initial_state
from jaxgan.types import Params

GROWTH_STEPS = 64  # replayed after the first difference
REPLAY_WINDOW = 2  # replayed at a time: the states after all of them are held at once


class LeafDiff(NamedTuple):
    """An array that two runs have different.

    Attributes:
      name: what it is, and its place in that.
      entries: that differ, of `size`.
      largest: absolute difference; NaN where the shapes differ.
    """

    name: str
    entries: int
    size: int
    largest: float


class Drift(NamedTuple):
    """How far two runs are apart after a step: |a - b| / |a| of all parameters of each player."""

    step: int
    disc: float
    gen: float
    replayed: bool  # or of checkpoints that both runs kept


class Divergence(NamedTuple):
    """Attributes:
    step: the first that leaves different states, or one before which that was; 0: the runs started
      differently.
    leaves: that differ, first those that the others follow from.
    """

    step: int
    leaves: list[LeafDiff]


def find_divergence(a: LoadedRun, b: LoadedRun, seen: int) -> Divergence | None:
    """Replays both runs up to step `seen`, where their ledgers differ; None if the replays do not.

    It starts a little before, since a ledger sees all of a state in `fingerprints.PARTS` steps.
    """
    start = max(0, seen - 1 - WINDOWS)
    states = state_at(a, start), state_at(b, start)
    if leaves := list(_differing(*map(checkpoints.flatten, states))):
        return Divergence(start, leaves)
    for pair in _side_by_side(a, b, states, seen - start):
        for place, step in enumerate(pair[0].steps):
            if leaves := _first_leaves(*pair, place):
                return Divergence(step, leaves)
    return None


def drift_after(a: LoadedRun, b: LoadedRun, step: int) -> list[Drift]:
    """How far the runs are apart from `step` on, replayed, and at the checkpoints that both kept.

    The two must have the same networks.
    """
    start = max(0, step - 1)
    states = state_at(a, start), state_at(b, start)
    found = []
    for pair in _side_by_side(a, b, states, GROWTH_STEPS):
        first, second = (replayed.trace["state"] for replayed in pair)
        found += _rows(pair[0].steps, first, second, replayed=True)
    return found + checkpoint_drift(a, b, found[-1].step if found else step - 1)


def checkpoint_drift(a: LoadedRun, b: LoadedRun, later_than: int) -> list[Drift]:
    """How far the runs are apart at the later checkpoints that both kept."""
    folders = [run.workdir / layout.CHECKPOINTS for run in (a, b)]
    common = set(checkpoints.steps(folders[0])) & set(checkpoints.steps(folders[1]))
    found = []
    for step in sorted(step for step in common if step > later_than):
        try:
            states = [
                checkpoints.restore(folder, initial_state(run.program), step)
                for folder, run in zip(folders, (a, b), strict=True)
            ]
        except UserError:
            continue  # damaged
        stacked = [jax.tree.map(lambda array: array[None], state) for state in states]
        found += _rows((step,), stacked[0], stacked[1], replayed=False)
    return found


def same_networks(a: LoadedRun, b: LoadedRun) -> bool:
    """Whether the states of two runs have the same leaves, shapes and types."""
    fresh = (checkpoints.flatten(initial_state(run.program)) for run in (a, b))
    old, new = ({name: (x.shape, x.dtype) for name, x in leaves.items()} for leaves in fresh)
    return old == new


def _side_by_side(
    a: LoadedRun, b: LoadedRun, states: tuple[TrainState, TrainState], count: int
) -> Iterator[tuple[ReplayedSteps, ReplayedSteps]]:
    """Both runs replayed for so many steps, a few at a time; ends early where an epoch of the data
    that both can fill does."""
    last = int(states[0].step) + count
    ends = [run.program.plan.epoch * run.program.config.train.epochs for run in (a, b)]
    while (done := int(states[0].step)) < min(last, *ends):
        left = [run.program.plan.epoch - done % run.program.plan.epoch for run in (a, b)]
        few = min(REPLAY_WINDOW, last - done, *left)
        pair = replay(a, states[0], few), replay(b, states[1], few)
        yield pair
        states = final_state(pair[0]), final_state(pair[1])


def _first_leaves(a: ReplayedSteps, b: ReplayedSteps, place: int) -> list[LeafDiff]:
    """Of one step; what a leaf's difference follows from comes before it."""
    traces = (jax.tree.map(lambda array: array[place], r.trace) for r in (a, b))
    orders = ({"batch": replayed.order[place]} for replayed in (a, b))
    old, new = (
        {**order, **trace, **vars(trace["state"])}
        for order, trace in zip(orders, traces, strict=True)
    )
    parts = ("batch", "latents", "disc_grads", "disc", "gen_grads", "gen", "ema_params")
    return [
        leaf
        for part in parts
        for leaf in _differing(*(checkpoints.named_leaves({part: x[part]}) for x in (old, new)))
    ]


def _differing(old: Leaves, new: Leaves) -> Iterator[LeafDiff]:
    """The arrays whose bits differ, in their order; those that one side lacks come first."""
    common = [name for name in old if name in new and old[name].shape == new[name].shape]
    for name in sorted((old.keys() | new.keys()) - set(common)):
        size = max(leaves[name].size for leaves in (old, new) if name in leaves)
        yield LeafDiff(name, size, size, float("nan"))
    for name in common:
        a, b = (np.atleast_1d(leaves[name]) for leaves in (old, new))
        if entries := int(np.count_nonzero(a.view(f"u{a.itemsize}") != b.view(f"u{b.itemsize}"))):
            with np.errstate(invalid="ignore"):
                largest = np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)))
            yield LeafDiff(name, entries, a.size, float(largest))


def _rows(steps, a: TrainState, b: TrainState, replayed: bool) -> list[Drift]:
    disc, gen = _distances(a.disc.params, b.disc.params), _distances(a.gen.params, b.gen.params)
    return [
        Drift(step, float(d), float(g), replayed)
        for step, d, g in zip(steps, disc, gen, strict=True)
    ]


@jax.jit
def _distances(a: Params, b: Params) -> Array:
    """|a - b| / |a| along the leading axis."""
    difference = [x - y for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)]
    return jnp.sqrt(_sum_of_squares(difference) / _sum_of_squares(jax.tree.leaves(a)))


def _sum_of_squares(leaves: list[Array]) -> Array:
    return jnp.sum(
        jnp.stack([jnp.sum(leaf.reshape(len(leaf), -1) ** 2, axis=1) for leaf in leaves]), axis=0
    )
