"""A new run that begins with the networks of another one: config.start_from.

The state before its first step is kept in `<workdir>/start`, so that the run never needs the other
one again: not to resume, and not to replay its first steps.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.gan.state import D_RUNNING_STATS, Player, TrainState
from jaxgan.runs import checkpoints
from jaxgan.runs.checkpoint_ref import CheckpointRef
from jaxgan.runs.layout import BEST_CHECKPOINT, CHECKPOINTS, CONFIG, START


class FirstState(NamedTuple):
    """The state before the first step, and what the record says about where it is from."""

    state: TrainState
    record: dict[str, Any]


def begin_from(config: Config, fresh: TrainState) -> FirstState:
    """Returns the state with which the run of a config begins.

    With config.start_from it has the weights and statistics of both networks of another run, and
    its averaged weights where both runs average; with config.start_optimizers also the moments of
    Adam. Step, random key, schedules and the statistics of D's logits are those of a new run.

    Args:
      fresh: the state that the run would begin with otherwise.

    Raises:
      UserError: there is no such run or checkpoint, or its networks have other arrays.
    """
    if not config.start_from:
        return FirstState(fresh, {})
    source = _load(config.start_from)
    _check_same_networks(config.start_from, source, fresh)
    gen = _take(source.gen, fresh.gen, config.start_optimizers)
    disc = _take(source.disc, fresh.disc, config.start_optimizers)
    average = source.ema_params or source.gen.params
    # A copy, because a buffer that is twice in the state cannot be donated.
    ema_params = jax.tree.map(jnp.copy, average) if fresh.ema_params else {}
    taken = {"gen": _networks(gen), "disc": _networks(disc), "ema_params": ema_params}
    if config.start_optimizers:
        taken["optimizers"] = [_adam(player.opt_state) for player in (gen, disc)]
    record = {
        "run": config.start_from,
        "step": int(source.step),
        "optimizers": config.start_optimizers,
        "sha256": checkpoints.leaves_sha256(checkpoints.named_leaves(taken)),
        "checkpoint_sha256": checkpoints.leaves_sha256(checkpoints.flatten(source)),
    }
    state = fresh.replace(gen=gen, disc=disc, ema_params=ema_params)
    return FirstState(state, {"start_from": record})


def has_begun(workdir: Path) -> bool:
    """Returns whether a run has a state to go on from, so that config.start_from is not read."""
    return any(checkpoints.steps(workdir / name) for name in (CHECKPOINTS, START))


def read_start(workdir: Path, template: TrainState) -> TrainState | None:
    """Returns the state before the first step that the run keeps; None if it keeps none.

    Raises:
      UserError: it is damaged.
    """
    folder = workdir / START
    return checkpoints.restore(folder, template, 0) if checkpoints.steps(folder) else None


def _load(start_from: str) -> TrainState:
    workdir = Path(start_from)
    try:
        workdir, ref = _locate(workdir)
        if not workdir.is_dir():
            raise UserError("no such folder; must be a run directory, or a checkpoint in one")
        return checkpoints.load_run(workdir, ref)[2]
    except UserError as error:
        reason = str(error).removeprefix(f"--workdir {workdir}: ")
        raise UserError(f"config.start_from = {start_from!r}: {reason}") from None


def _locate(path: Path) -> tuple[Path, CheckpointRef]:
    """Returns the run directory of a path, and which of its checkpoints the path names."""
    if (path / CONFIG).exists():
        return path, "last"
    if BEST_CHECKPOINT in (path.name, path.parent.name):
        return (path.parent if path.name == BEST_CHECKPOINT else path.parent.parent), "best"
    if path.parent.name == CHECKPOINTS and path.name.isdecimal():
        return path.parent.parent, int(path.name)
    return path, "last"


def _take(source: Player, fresh: Player, optimizers: bool) -> Player:
    stats = _networks(source)["stats"]
    if D_RUNNING_STATS in fresh.stats:
        stats |= {D_RUNNING_STATS: fresh.stats[D_RUNNING_STATS]}
    taken: Player = fresh.replace(params=source.params, stats=stats)
    if not optimizers:
        return taken
    # Only Adam's own state, since the other counts are those of schedules.
    adam = _adam(source.opt_state)
    opt_state = jax.tree.map(
        lambda leaf: adam if _is_adam(leaf) else leaf, fresh.opt_state, is_leaf=_is_adam
    )
    replaced: Player = taken.replace(opt_state=opt_state)
    return replaced


def _networks(player: Player) -> dict[str, Any]:
    """Returns the variables of a player's network, without the statistics of D's logits."""
    stats = {name: value for name, value in player.stats.items() if name != D_RUNNING_STATS}
    return {"params": player.params, "stats": stats}


def _adam(opt_state: Any) -> optax.ScaleByAdamState:
    (adam,) = filter(_is_adam, jax.tree.leaves(opt_state, is_leaf=_is_adam))
    return adam


def _is_adam(node: Any) -> bool:
    return isinstance(node, optax.ScaleByAdamState)


def _check_same_networks(start_from: str, source: TrainState, fresh: TrainState) -> None:
    theirs, ours = (_shapes(state) for state in (source, fresh))
    if theirs == ours:
        return
    name = next(name for name in ours | theirs if theirs.get(name) != ours.get(name))
    there, here = (shapes.get(name, "missing") for shapes in (theirs, ours))
    raise UserError(
        f"config.start_from = {start_from!r}: its networks are not those of this config: {name} "
        f"is {there} there and {here} here; the settings of config.network and the data's shape "
        "must be the same"
    )


def _shapes(state: TrainState) -> dict[str, str]:
    players = {"gen": _networks(state.gen), "disc": _networks(state.disc)}
    leaves = checkpoints.named_leaves(players)
    return {name: f"{leaf.dtype}{leaf.shape}" for name, leaf in leaves.items()}
