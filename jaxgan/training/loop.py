"""A run: from a config to a trained GAN in a run directory, resumed where it was left."""

import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax

from jaxgan import plots
from jaxgan.config.errors import TrainingDiverged, UserError
from jaxgan.config.schema import Config
from jaxgan.gan.sampling import sample_pixels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import TrainState
from jaxgan.gan.steps import train_epoch, train_epochs
from jaxgan.parallel.mesh import local_replica
from jaxgan.parallel.process_group import process_group
from jaxgan.parallel.run_axis import stack_runs, unstack_runs
from jaxgan.runs.best_checkpoint import ScoredStep, held_out_distances
from jaxgan.runs.plan import Chunk, chunks
from jaxgan.training.input_pipeline import StepBlock, open_input_pipeline, run_blocks
from jaxgan.training.secondary import open_together
from jaxgan.training.setup import TrainingSetup, initial_state, prepare_training
from jaxgan.training.signals import stop_signals
from jaxgan.types import Metrics, Stream, stream_key

logger = logging.getLogger(__name__)


class TrainResult(NamedTuple):
    """How training a run ended.

    Attributes:
      first_step, step, total_steps: before, now and planned.
      signal: that stopped it, or 0.
      distances: at the last evaluation and at the best, or None without one.
      diverged: why it stopped; "" where it did not diverge.
    """

    first_step: int
    step: int
    total_steps: int
    signal: int
    distances: tuple[ScoredStep, ScoredStep] | None
    diverged: str


def train(config: Config, workdir: Path) -> TrainResult:
    """Trains, or goes on training, the run in `workdir`.

    Raises:
      UserError: config, data or folder do not allow it; nothing was written then. Or no
        checkpoint is sound, or the disk is full.
      Diverged: config.train.max_skipped steps in a row had an update that was not finite.
    """
    if config.seeds:
        raise UserError("config.seeds: is for jaxgan.ensemble.train_seeds; train has one run")
    ground = prepare_training(config)
    with stop_signals() as caught:
        (outcome,) = run_loop(ground, {workdir: config}, caught)
    if outcome.diverged:
        raise TrainingDiverged(outcome.diverged)
    return outcome


def run_loop(
    ground: TrainingSetup, members: Mapping[Path, Config], caught: list[int], named: bool = False
) -> list[TrainResult]:
    """Trains a run for each directory, all at the same step, their configs apart in seeds alone.

    The device works through the next chunk while the host writes down the one before. A signal
    in `caught` ends it at the end of a chunk, saved. One run alone is `train_epoch`, several are
    `train_epochs`.
    """
    config, plan, mesh = ground.config, ground.plan, ground.gan.mesh
    processes, signal = process_group(), 0
    fresh = [initial_state(ground, member.seed) for member in members.values()]
    real = ground.data.pixels[: plots.samples_shown(ground.data.pixels.shape[1:])]
    seeds = [member.seed for member in members.values()]
    examples = open_input_pipeline(config, plan, mesh, ground.pixels, ground.labels, seeds)
    run_block = functools.partial(_run_block, ground)
    rest = (plan, ground.environment, real, ground.evaluator, named)
    with open_together(processes, members, fresh, *rest) as runs, examples as blocks_of:
        first_step = step = int(runs.states[0].step)
        state = stack_runs(mesh, runs.states)
        for chunk in chunks(plan, step, config.train.epochs):
            state, history = run_blocks(run_block, state, blocks_of(chunk))
            step += chunk.stop - chunk.start
            own, histories = (
                unstack_runs(x, len(members)) for x in local_replica(mesh, (state, history))
            )
            drawn = _due(config.save.samples_every, config, chunk)
            grids = [_grid(ground, s) for s in own] if drawn else [None] * len(members)
            runs.take(chunk, step, histories, grids)
            if _due(config.evaluate.every, config, chunk):
                runs.evaluate(own)
            if due := _due(config.save.every, config, chunk):
                runs.save(own)
            signal, going = processes.stopping(caught, bool(runs.going))
            if signal and not due:
                runs.save(own)
            if signal or not going:
                break
        runs.finish()
    total = config.train.epochs * plan.epoch
    if not processes.first:
        return [TrainResult(first_step, step, total, signal, None, "") for _ in members]
    return [
        TrainResult(
            first_step,
            step,
            total,
            signal,
            held_out_distances(workdir),
            runs.diverged.get(place, ""),
        )
        for place, workdir in enumerate(members)
    ]


def _run_block(
    ground: TrainingSetup, state: TrainState, block: StepBlock
) -> tuple[TrainState, Metrics]:
    """The block on the device, which has all that it takes."""
    epoch = train_epochs if state.step.ndim else train_epoch
    with jax.transfer_guard("disallow"):
        return epoch(ground.gan, state, *block)


def _grid(ground: TrainingSetup, state: TrainState) -> jax.Array:
    count = plots.samples_shown(ground.data.pixels.shape[1:])
    key = stream_key(state.key, Stream.SAMPLE, 0)
    return sample_pixels(ground.gan, *inference_variables(ground.gan, state), count, key)


def _due(every: int, config: Config, chunk: Chunk) -> bool:
    """Whether a chunk ends the last epoch, or one of those that come `every` so many; 0: never."""
    epoch = chunk.epoch + 1
    last = epoch == config.train.epochs
    return every > 0 and chunk.ends_epoch and (last or epoch % every == 0)
