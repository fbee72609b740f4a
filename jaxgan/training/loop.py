"""Trains a run: from a config to a trained GAN in a run directory, resumed where it was left."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax

from jaxgan.config.errors import TrainingDiverged, UserError
from jaxgan.config.paths import expand_path
from jaxgan.config.schema import Config
from jaxgan.gan.state import TrainState
from jaxgan.gan.steps import train_epoch, train_stacked_epoch
from jaxgan.parallel.mesh import local_replica, replicate
from jaxgan.parallel.process_group import all_gather, from_primary, is_primary, same_error
from jaxgan.runs.best_checkpoint import ScoredStep, held_out_distances
from jaxgan.runs.plan import Chunk, StepPlan, chunks
from jaxgan.training.callbacks import Callback, Callbacks
from jaxgan.training.chunk_output import CallOutput, ChunkOutput, fetch_calls, keep_steps
from jaxgan.training.group_writer import GroupWriter, open_group_writer
from jaxgan.training.input_pipeline import StepBlock, open_input_pipeline
from jaxgan.training.memory import (
    TEMPORARIES,
    Memory,
    bytes_on_device,
    data_bytes,
    explain_out_of_memory,
    temporary_bytes,
)
from jaxgan.training.run_writer import RunWriter, hold_run_directory, open_run_writer
from jaxgan.training.setup import TrainingSetup, first_state, prepare_training
from jaxgan.training.signals import stop_signals
from jaxgan.training.verdict import log_diagnosis
from jaxgan.types import StepOutput

Epoch = jax.stages.Wrapped  # to the new state and the output
RunBlock = Callable[[TrainState, StepBlock], tuple[TrainState, StepOutput]]


class TrainResult(NamedTuple):
    """How training a run ended.

    Attributes:
      first_step: the step at which this start began.
      step: the step at which it ended.
      total_steps: the steps that the config plans.
      signal: the signal that stopped it, or 0.
      distances: the held-out distance at the last evaluation and at the best, if there are any.
      diverged: why it diverged, or "".
    """

    first_step: int
    step: int
    total_steps: int
    signal: int
    distances: tuple[ScoredStep, ScoredStep] | None
    diverged: str

    @property
    def finished(self) -> bool:
        """True if this start trained the run to its end."""
        return self.first_step < self.step == self.total_steps


def train(config: Config, workdir: Path | str, callbacks: Sequence[Callback] = ()) -> TrainResult:
    """Trains the run in `workdir`, or resumes it.

    A terminal and a notebook show a progress bar.

    Args:
      callbacks: functions that are called after each chunk of steps, as `callback(step, metrics)`:
        with its last step, and by name the metrics of all of its steps, arrays of numpy. They are
        called when the run logs the chunk, while the device works on the next one. An exception
        of theirs ends the run as Ctrl-C does: it is saved at the end of a chunk, and then the
        exception is raised. They do not change the run.

    Raises:
      UserError: config, data or folder do not allow it, and nothing was written; or no checkpoint
        is valid, or the disk is full.
      TrainingDiverged: config.train.max_skipped steps in a row had an update that was not finite.
    """
    if config.seeds:
        raise UserError(
            f"config.seeds = {config.seeds!r}: train is for a single run; call train_seeds of "
            "jaxgan.training.train_seeds"
        )
    setup = prepare_training(config)
    with stop_signals() as signals:
        called = Callbacks(callbacks, signals)
        workdir = expand_path(str(workdir))
        result = train_run(setup, workdir, setup.config, signals, on_chunk=called)
    if called.error:
        raise called.error
    if result.diverged:
        raise TrainingDiverged(result.diverged)
    with same_error():
        if is_primary() and result.finished:
            log_diagnosis(workdir)
    return result


def train_run(
    setup: TrainingSetup,
    workdir: Path,
    config: Config,
    signals: list[int],
    show_seed: bool = False,
    on_chunk: Callback | None = None,
) -> TrainResult:
    """Trains one run; a signal in `signals` ends it at the end of a chunk, saved.

    Args:
      config: that of the setup, but for the seed.
      show_seed: the progress names the seed.
      on_chunk: called in process 0 with the last step and the metrics of each chunk.
    """
    fresh, record = first_state(setup, workdir, config)
    with (
        hold_run_directory(setup, workdir, config, record),
        open_run_writer(setup, workdir, config, fresh, show_seed) as (writer, state),
    ):
        # Nothing may keep its buffers: the device may have room for no second state.
        del fresh
        writer.on_chunk = on_chunk
        first_step = int(state.step)
        state = replicate(setup.gan.mesh, state)
        step, signal = run_loop(setup, [config.seed], train_epoch, state, writer, signals)
    return _result(setup, workdir, writer, first_step, step, signal)


def train_group(
    setup: TrainingSetup, configs: Mapping[Path, Config], signals: list[int]
) -> list[TrainResult]:
    """Trains several runs in one program, all at the same step; their configs differ in the seed.

    Args:
      configs: of each run, by its directory.
    """
    seeds = [config.seed for config in configs.values()]
    with open_group_writer(setup, configs) as (group, state):
        first_step = int(state.step[0])
        step, signal = run_loop(setup, seeds, train_stacked_epoch, state, group, signals)
    return [
        _result(setup, workdir, writer, first_step, step, signal)
        for workdir, writer in zip(configs, group.writers.values(), strict=True)
    ]


def run_loop(
    setup: TrainingSetup,
    seeds: list[int],
    epoch: Epoch,
    state: TrainState,
    writer: RunWriter | GroupWriter,
    signals: list[int],
) -> tuple[int, int]:
    """Trains to the end of the run, or of the chunk in which a signal comes.

    The device works on the next chunk while the host writes down the one before.

    Args:
      seeds: one, or those of the runs whose states are stacked in `state`.
      epoch: `train_epoch`, or `train_stacked_epoch` for stacked states.

    Returns:
      The last step, and the signal or 0.
    """
    config, mesh, signal = setup.config, setup.gan.mesh, 0
    # Stacked runs are all at the same step.
    step = int(state.step.reshape(-1)[0])
    memory: Memory = {
        "data": data_bytes(config, setup.data, len(seeds)),
        "state": bytes_on_device(state),
    }
    run_block = functools.partial(_run_block, setup, epoch, memory)
    with explain_out_of_memory(config, memory), open_input_pipeline(setup, seeds) as blocks_of:
        for number, chunk in enumerate(chunks(setup.plan, step)):
            state, output = _run_chunk(run_block, state, chunk, blocks_of(chunk), writer)
            step = chunk.stop
            local_state = local_replica(mesh, state)
            # Only process 0 writes, and all must end if it cannot.
            with same_error():
                if number == 0:
                    writer.record_memory(memory)
                is_saved = _write_chunk(setup, writer, chunk, local_state, output)
            signal = _signal_to_any(signals)
            if signal or not writer.active:
                break
        with same_error():
            if signal and not is_saved:
                writer.save(local_state)
            writer.finish()
    return step, signal


def _signal_to_any(signals: list[int]) -> int:
    """Returns the signal that reached any of the processes, since all must stop at one step; or 0.

    Args:
      signals: those that reached this process.
    """
    return next(filter(None, all_gather(signals[0] if signals else 0)), 0)


def _run_chunk(
    run_block: RunBlock,
    state: TrainState,
    chunk: Chunk,
    blocks: Iterable[StepBlock],
    writer: RunWriter | GroupWriter,
) -> tuple[TrainState, ChunkOutput]:
    """Runs the blocks of a chunk, and meanwhile writes down the chunk before.

    While the device computes a block the host sends it the next one, and no more than that.
    """
    calls: list[CallOutput] = []
    done = chunk.start
    for block in blocks:
        state, output = run_block(state, block)
        if calls:
            calls[-1] = keep_steps(calls[-1])
            done += calls[-1].steps
            writer.show(chunk.interval, done, fetch_calls(calls[-1:]))
        else:
            # Only process 0 writes, and all must end if it cannot.
            with same_error():
                writer.write_pending()
        calls.append(CallOutput(output, block.steps))
    return state, calls


def _write_chunk(
    setup: TrainingSetup,
    writer: RunWriter | GroupWriter,
    chunk: Chunk,
    state: TrainState,
    output: ChunkOutput,
) -> bool:
    """Gives the writer a chunk, with what is due after it; returns True if that is a checkpoint."""
    config, plan = setup.config, setup.plan
    sampled = _is_due(config.save.samples_every, plan, chunk)
    writer.add(chunk, chunk.stop, output, state if sampled else None)
    # The order matters: the best state is on the disk before the checkpoint of its step.
    if _is_due(config.evaluate.every, plan, chunk):
        writer.evaluate(state)
    if is_saved := _is_due(config.save.every, plan, chunk):
        writer.save(state)
    return is_saved


def _run_block(
    setup: TrainingSetup, epoch: Epoch, memory: Memory, state: TrainState, block: StepBlock
) -> tuple[TrainState, StepOutput]:
    """Runs a block on the device, which already has everything that it needs.

    With the first one it adds the program's temporaries to `memory`.

    Returns:
      The new state, and the output as this process has it.
    """
    arguments = (setup.gan, state, *block)
    # The device must never wait for the host: a transfer here is a mistake, and raises.
    with jax.transfer_guard("disallow"):
        if TEMPORARIES not in memory:
            # The call finds what is compiled here.
            program = epoch.lower(*arguments).compile()
            memory[TEMPORARIES] = temporary_bytes(program)
        state, output = epoch(*arguments)
    return state, local_replica(setup.gan.mesh, output)


def _is_due(every: int, plan: StepPlan, chunk: Chunk) -> bool:
    """Returns True at the end of the last interval and of every so many; 0 means never."""
    last = chunk.stop == plan.total
    return every > 0 and chunk.ends_interval and (last or chunk.interval % every == 0)


def _result(
    setup: TrainingSetup, workdir: Path, writer: RunWriter, first_step: int, step: int, signal: int
) -> TrainResult:
    with same_error():
        distances = held_out_distances(workdir) if is_primary() else None
    # The others read the folder while process 0 still writes, and may name another checkpoint.
    diverged = from_primary(writer.diverged)
    return TrainResult(first_step, step, setup.plan.total, signal, distances, diverged)
