"""The verb `replay`: any step of a run again, from the nearest checkpoint, with all it computed."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.data import epoch_order, load_data
from jaxgan.data.lazy_array import Array, gather
from jaxgan.gan.state import Gan, TrainState, build_gan, init_state
from jaxgan.gan.steps import CHECKSUM_COLUMNS, Trace, traced_epoch, train_epoch
from jaxgan.runs import checkpoints, directory, layout, ledger
from jaxgan.runs.environment import read_environment
from jaxgan.runs.files import replace_file
from jaxgan.runs.ledger import PREFIX
from jaxgan.runs.plan import StepPlan, make_step_plan
from jaxgan.types import GatheredExamples, Labels, Metrics, Order, Pixels

logger = logging.getLogger(__name__)


class LoadedRun(NamedTuple):
    """What a run does, without what it did: config, rules and data."""

    workdir: Path
    config: Config
    schedule: StepPlan
    gan: Gan
    pixels: Pixels | Array  # the latter, and numpy's labels, with config.data.stream
    labels: Labels | np.ndarray | None


class ReplayedSteps(NamedTuple):
    """Some steps that follow each other; every array has a leading axis over them.

    Attributes:
      steps: of each, the number of updates done with it.
      order: indices of the real images.
      metrics: by name, as in metrics.jsonl, and the marks of the ledger.
      trace: as `traced_epoch` gives it.
    """

    steps: range
    order: Order
    metrics: Metrics
    trace: Trace


def load_for_replay(workdir: Path) -> LoadedRun:
    """The program of the run in a folder.

    Raises:
      UserError: there is no run, or its data cannot be had any more.
    """
    config = directory.read_config(workdir)
    recorded = read_environment(workdir)["data"]["sha256"]
    data = load_data(config.data)
    if data.sha256 != recorded:
        raise UserError(
            f"--workdir {workdir}: its run saw other data (SHA-256 {recorded}, now {data.sha256} "
            f"from {data.source})"
        )
    gan = build_gan(config, data.pixels.shape[1:], data.classes)
    examples = (data.pixels, data.labels if gan.classes else None)
    pixels, labels = examples if config.data.stream else jax.device_put(examples)
    schedule = make_step_plan(config.train, len(data.pixels))
    return LoadedRun(workdir, config, schedule, gan, pixels, labels)


def fresh_state(program: LoadedRun) -> TrainState:
    """The state before the first step."""
    key = jax.random.key(program.config.seed)
    return init_state(program.gan, program.pixels.shape[1:], key)


def state_at(program: LoadedRun, step: int) -> TrainState:
    """The state after `step` updates: that of the newest sound checkpoint up to it, trained on."""
    state = _restored(program.workdir / layout.CHECKPOINTS, fresh_state(program), step)
    if step - (done := int(state.step)) > program.schedule.epoch:
        logger.info(f"{program.workdir}: replaying steps {done + 1} to {step}")
    while (done := int(state.step)) < step:
        count = min(step - done, program.schedule.epoch - done % program.schedule.epoch)
        count = min(count, program.config.data.stream or count)
        examples = _examples(program, _order(program, done, count))
        state, _ = train_epoch(program.gan, state, *examples)
    return state


def replay(program: LoadedRun, state: TrainState, count: int) -> ReplayedSteps:
    """The next `count` steps, or those left of the epoch, with all that they compute.

    The state stays usable.
    """
    done = int(state.step)
    count = min(count, program.schedule.epoch - done % program.schedule.epoch)
    order = _order(program, done, count)
    examples = _examples(program, order)
    _, metrics, trace = traced_epoch(program.gan, state, *examples)
    return ReplayedSteps(range(done + 1, done + count + 1), order, metrics, trace)


def final_state(replayed: ReplayedSteps, place: int = -1) -> TrainState:
    """The state after the last of some replayed steps, or another."""
    state: TrainState = jax.tree.map(lambda array: array[place], replayed.trace["state"])
    return state


def mismatched_columns(program: LoadedRun, replayed: ReplayedSteps) -> list[str]:
    """The marks of the first replayed step that differ from those of the run's ledger.

    Raises:
      UserError: the ledger does not have the step.
    """
    recorded = ledger.read(program.workdir).checksums_at(replayed.steps[0])
    if recorded is None:
        raise UserError(f"{program.workdir / ledger.LEDGER}: has no step {replayed.steps[0]}")
    found = [int(replayed.metrics[PREFIX + name][0]) for name in CHECKSUM_COLUMNS]
    return [
        name
        for name, a, b in zip(CHECKSUM_COLUMNS, found, recorded.tolist(), strict=True)
        if a != b
    ]


def rounding_reason(workdir: Path) -> str:
    """Why a replay, which is on one device, need not have a run's bits; "" where it must."""
    if directory.read_config(workdir).parallel.shards:
        return ""
    recorded = read_environment(workdir)
    used = [part.get("devices", ()) for part in (recorded, *recorded.get("changes", ()))]
    most = max(map(len, used))
    return (
        f"it was trained on {most} devices, and is the same to rounding on one" if most > 1 else ""
    )


def replay_step(workdir: Path, step: int, out: Path) -> list[str]:
    """Writes what update `step` of a run used and computed to an .npz; what differs from the
    ledger, by the names of its columns.

    "indices" of the real images (from 0, in the data's canonical order), their "pixels" and
    "labels"; "latents" (d_steps, batch, latent); metrics by their names; "disc_grads...." with a
    leading axis over D's updates, and "gen_grads....", as the optimisers were given them.

    Raises:
      UserError: no run, no such step, or no ledger of it.
    """
    program = load_for_replay(workdir)
    if (recorded := ledger.read(workdir)).checksums_at(step) is None:
        first, last = (*recorded.steps[:1], *recorded.steps[-1:]) or (0, 0)
        raise UserError(f"--step {step}: {workdir / ledger.LEDGER} has steps {first} to {last}")
    replayed = replay(program, state_at(program, step - 1), 1)
    differing = mismatched_columns(program, replayed)
    arrays = _arrays(program, replayed)
    replace_file(out, lambda file: np.savez_compressed(file, **arrays))  # type: ignore
    return differing


def _arrays(program: LoadedRun, replayed: ReplayedSteps) -> dict[str, np.ndarray]:
    indices = np.asarray(replayed.order[0])
    arrays: dict[str, Any] = {"indices": indices, "pixels": program.pixels[indices]}
    if program.labels is not None:
        arrays["labels"] = program.labels[indices]
    arrays["latents"] = replayed.trace["latents"][0]
    for name, values in replayed.metrics.items():
        if not name.startswith(PREFIX):
            arrays[name] = values[0]
    grads = {name: replayed.trace[name] for name in ("disc_grads", "gen_grads")}
    arrays |= checkpoints.named_leaves(jax.tree.map(lambda array: array[0], grads))
    return {name: np.asarray(array) for name, array in arrays.items()}


def _order(program: LoadedRun, step: int, count: int) -> Order:
    """The rows of steps step + 1 to step + count, all of one epoch."""
    train = program.config.train
    epoch, start = divmod(step, program.schedule.epoch)
    key, size = jax.random.key(program.config.seed), len(program.pixels)
    return epoch_order(key, epoch, size, train.batch_size * train.d_steps)[start : start + count]


def _examples(program: LoadedRun, order: Order) -> tuple[Pixels | GatheredExamples, Order, Any]:
    """What `train_epoch` takes for some steps; read now where not on the device."""
    if isinstance(program.pixels, jax.Array):
        return program.pixels, order, program.labels
    rows = np.asarray(order).reshape(len(order), program.config.train.d_steps, -1)
    return jax.device_put(gather(program.pixels, program.labels, rows)), order, None


def _restored(directory: Path, fresh: TrainState, at_most: int) -> TrainState:
    for step in reversed(checkpoints.steps(directory)):
        if step > at_most:
            continue
        try:
            return checkpoints.restore(directory, fresh, step)
        except UserError as error:
            logger.warning(f"{error}; trying the one before")
    return fresh
