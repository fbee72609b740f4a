"""The verb `replay`: computes any step of a run again and keeps all that it computed."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data import epoch_orders
from jaxgan.data.gather import gather
from jaxgan.data.lazy_array import Array
from jaxgan.gan.state import TrainState
from jaxgan.gan.steps import CHECKSUM_COLUMNS, trace_epoch, train_epoch
from jaxgan.runs import checkpoints, directory, layout, ledger
from jaxgan.runs.atomic_files import replace_file
from jaxgan.runs.environment import check_same_data, read_environment
from jaxgan.runs.ledger_rows import Ledger, combine_checksums
from jaxgan.runs.mathematics import warn_of_mathematics
from jaxgan.runs.plan import epochs_of, images_per_step
from jaxgan.runs.program import Program, build_program, initial_state, training_examples
from jaxgan.runs.redraws import Redraw, read_redraws, redraw_of
from jaxgan.runs.start_from import read_start
from jaxgan.types import GatheredExamples, Labels, Order, Pixels, StepOutput, root_key

logger = logging.getLogger(__name__)


class LoadedRun(NamedTuple):
    """A recorded run, rebuilt so that its steps can be computed again.

    Attributes:
      pixels, labels: on the device, or on the host with config.data.stream; labels only where the
        GAN is class-conditional.
      redraws: the steps from which config.train.redraw was another one.
    """

    workdir: Path
    program: Program
    pixels: Pixels | Array
    labels: Labels | np.ndarray | None
    redraws: list[Redraw]


class ReplayedSteps(NamedTuple):
    """Consecutive steps; every array has a leading axis over them.

    Attributes:
      steps: numbers of the steps, from 1.
      order: indices of the real images.
      output: metrics, checksums and trace, as `trace_epoch` returns them.
    """

    steps: range
    order: Order
    output: StepOutput


def load_for_replay(workdir: Path) -> LoadedRun:
    """Rebuilds the run in a folder from its recorded config.

    Raises:
      UserError: there is no run, or its data are missing or have changed.
    """
    program = build_program(directory.read_config(workdir))
    check_same_data(workdir, program.data.sha256, program.data.source)
    warn_of_mathematics(workdir, program.config)
    redraws = read_redraws(workdir)
    return LoadedRun(workdir, program, *training_examples(program), redraws)


def state_at(run: LoadedRun, step: int) -> TrainState:
    """Returns the state after `step` updates.

    It is trained from the newest valid checkpoint up to that step, or from the first step.
    """
    folder = run.workdir / layout.CHECKPOINTS
    candidates = [saved for saved in checkpoints.steps(folder) if saved <= step]
    fresh = initial_state(run.program)
    state = checkpoints.restore_newest_valid(folder, fresh, candidates) or _start(run, fresh)
    # This takes a while, and the user should know why.
    if step - (done := int(state.step)) > run.program.plan.interval:
        logger.info(f"{run.workdir}: replaying steps {done + 1} to {step}")
    while (done := int(state.step)) < step:
        count = min(step - done, steps_in_one_call(run, done))
        # Streamed examples are all on the device at once: no more than a block of them.
        count = min(count, run.program.config.data.stream or count)
        examples = _examples(run, _order(run, done, count))
        state, _ = train_epoch(run.program.gan, _with_draws(run, state), *examples)
    return _with_draws(run, state)


def _start(run: LoadedRun, fresh: TrainState) -> TrainState:
    """Returns the state before the first step of a run."""
    if not run.program.config.start_from:
        return fresh
    if state := read_start(run.workdir, fresh):
        return state
    raise UserError(f"{run.workdir / layout.START}: is gone, so the first steps have no replay")


def replay(run: LoadedRun, state: TrainState, count: int) -> ReplayedSteps:
    """Computes the next `count` steps, or `steps_in_one_call`, and keeps every value.

    The given state stays usable.
    """
    done = int(state.step)
    count = min(count, steps_in_one_call(run, done))
    order, state = _order(run, done, count), _with_draws(run, state)
    _, output = trace_epoch(run.program.gan, state, *_examples(run, order))
    return ReplayedSteps(range(done + 1, done + count + 1), order, output)


def steps_in_one_call(run: LoadedRun, done: int) -> int:
    """Returns how many steps after `done` are of one interval and have one root key."""
    # Steps of one interval have their examples' order in one array.
    interval = run.program.plan.interval
    ends = [entry.step - 1 - done for entry in run.redraws if entry.step - 1 > done]
    return min([interval - done % interval, *ends])


def final_state(replayed: ReplayedSteps) -> TrainState:
    """Returns the state after the last replayed step."""
    return jax.tree.map(lambda array: array[-1], replayed.output.trace["state"])


def mismatched_columns(run: LoadedRun, row: Ledger, state: TrainState) -> list[str]:
    """Replays the steps of a ledger's row; returns the columns with other checksums.

    Args:
      row: a ledger of one row.
      state: the state before the first of its steps.
    """
    computed = []
    for _ in row.all_steps():
        replayed = replay(run, state, 1)
        computed.append([int(replayed.output.checksums[name][0]) for name in CHECKSUM_COLUMNS])
        state = final_state(replayed)
    # One step's checksums stand for themselves.
    found = combine_checksums(np.array(computed, np.uint32))
    columns = zip(CHECKSUM_COLUMNS, found, row.checksums[0], strict=True)
    return [name for name, new, old in columns if new != old]


def rounding_reason(workdir: Path) -> str:
    """Explains why a replay on one device may differ from the run in rounding; "" if it may not."""
    # With shards, the bits are the same on any number of devices.
    if directory.read_config(workdir).parallel.shards:
        return ""
    recorded = read_environment(workdir)
    # A resumed run may have had more devices than at its first start.
    starts = (recorded, *recorded.get("changes", ()))
    count = max(len(start.get("devices", ())) for start in starts)
    if count <= 1:
        return ""
    return f"it was trained on {count} devices, and is the same to rounding on one"


def replay_step(workdir: Path, step: int, out: Path) -> list[str]:
    """Computes update `step` of a run again and writes all its values to an .npz file.

    The arrays are: "indices" of the real images (from 0, in the canonical order of the data),
    their "pixels" and "labels"; "latents" (d_steps, batch, latent); metrics by their names; and
    the gradients that the optimizers received, "disc_grads...." with a leading axis over D's
    updates, and "gen_grads....".

    Returns:
      The ledger columns in which the replayed step differs from the run's ledger.

    Raises:
      UserError: no run, no such step, or the ledger does not have it.
    """
    run = load_for_replay(workdir)
    recorded = ledger.read(workdir)
    row = recorded.row_with(step)
    if not len(row.steps):
        first, last = (*recorded.first_steps[:1], *recorded.steps[-1:]) or (0, 0)
        raise UserError(f"--step {step}: {workdir / ledger.LEDGER} has steps {first} to {last}")
    state = state_at(run, step - 1)
    replayed = replay(run, state, 1)
    arrays = _arrays(run, replayed)
    replace_file(out, lambda file: np.savez_compressed(file, **arrays))  # type: ignore
    if (row_start := int(row.first_steps[0])) < step:
        state = state_at(run, row_start - 1)
    return mismatched_columns(run, row, state)


def _arrays(run: LoadedRun, replayed: ReplayedSteps) -> dict[str, np.ndarray]:
    indices = np.asarray(replayed.order[0])
    arrays: dict[str, Any] = {"indices": indices, "pixels": run.pixels[indices]}
    if run.labels is not None:
        arrays["labels"] = run.labels[indices]
    arrays["latents"] = replayed.output.trace["latents"][0]
    arrays |= {name: values[0] for name, values in replayed.output.metrics.items()}
    grads = {name: replayed.output.trace[name] for name in ("disc_grads", "gen_grads")}
    arrays |= checkpoints.named_leaves(jax.tree.map(lambda array: array[0], grads))
    return {name: np.asarray(array) for name, array in arrays.items()}


def _with_draws(run: LoadedRun, state: TrainState) -> TrainState:
    """Returns the state with the root key that the run had in its next step."""
    redraw = redraw_of(run.redraws, int(state.step) + 1)
    return state.replace(key=root_key(run.program.config.seed, redraw))


def _order(run: LoadedRun, step: int, count: int) -> Order:
    """Returns the example indices of steps step + 1 to step + count."""
    config, plan = run.program.config, run.program.plan
    epochs = epochs_of(plan, step, step + count)
    key, per_step = jax.random.key(config.seed), images_per_step(config.train)
    order = epoch_orders(key, epochs, len(run.pixels), per_step)
    start = step - epochs.start * plan.epoch
    return order[start : start + count]


def _examples(run: LoadedRun, order: Order) -> tuple[Pixels | GatheredExamples, Order, Any]:
    """Returns what `train_epoch` takes after the state; reads the examples if they are on disk."""
    if isinstance(run.pixels, jax.Array):
        return run.pixels, order, run.labels
    rows = np.asarray(order).reshape(len(order), run.program.config.train.d_steps, -1)
    return jax.device_put(gather(run.pixels, run.labels, rows)), order, None
