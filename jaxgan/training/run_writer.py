"""Writes the run directory while one run trains."""

import contextlib
import functools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.config.schema import Config
from jaxgan.gan.sampling import sample_pixels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import TrainState
from jaxgan.metrics import example_spread
from jaxgan.parallel import process_group
from jaxgan.parallel.process_group import is_primary, same_error
from jaxgan.plots import samples_shown
from jaxgan.runs import directory, layout
from jaxgan.runs.best_checkpoint import BestCheckpoint
from jaxgan.runs.diagnosis import Alarms
from jaxgan.runs.diagnosis.collapse import SPREAD
from jaxgan.runs.environment import record_memory
from jaxgan.runs.plan import Chunk
from jaxgan.runs.retry import lost_folder
from jaxgan.training.callbacks import Callback
from jaxgan.training.checkpoint_queue import CheckpointQueue
from jaxgan.training.chunk_output import ChunkOutput, HostOutput, fetch_calls
from jaxgan.training.memory import Memory
from jaxgan.training.metrics_writer import MetricsWriter
from jaxgan.training.plotter import Plotter
from jaxgan.training.progress import Progress
from jaxgan.training.resume import ResumedRun, resume
from jaxgan.training.run_logs import RunLogs
from jaxgan.training.setup import TrainingSetup
from jaxgan.types import Stream, stream_key

EMPTY: Mapping[str, Any] = MappingProxyType({})


class PendingChunk(NamedTuple):
    """A chunk that the device was given, with the metrics and samples that it will have."""

    chunk: Chunk
    last_step: int
    output: ChunkOutput
    samples: jax.Array | None


class RunWriter:
    """Writes metrics, pictures and checkpoints of one run, a chunk behind the device.

    Every process of a run calls the same methods, so that all of them notice a divergence; process
    0 alone writes. None of the methods waits for another process.

    Attributes:
      diverged: why the run stopped, or ""; the other methods then do nothing more.
      progress: shows each chunk to the user; None in a process that is not the primary.
      logs: for other programs; None in a process that is not the primary.
      on_chunk: called with the last step and the metrics of each chunk, in the primary process.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        workdir: Path,
        config: Config,
        resumed: ResumedRun,
        best: BestCheckpoint | None,
    ):
        """Writes on from a resumed run."""
        self.diverged = ""
        self.progress: Progress | None = None
        self.logs: RunLogs | None = None
        self.on_chunk: Callback | None = None
        self._setup, self._config, self._workdir = setup, config, workdir
        self._writer_text = directory.read_writer(workdir)
        rows, skipped = resumed.rows, resumed.consecutive_skipped
        self._metrics = MetricsWriter(workdir, config, setup.plan, rows, skipped)
        self._real = setup.data.pixels[: samples_shown(setup.data.pixels.shape[1:])]
        self._plotter = Plotter(workdir, config, self._real) if is_primary() else None
        self._alarms = Alarms(config, rows)
        self._queue = CheckpointQueue(workdir, config.save.keep, best)
        self._pending: PendingChunk | None = None
        # The pictures of a finished run may be missing, if its last start was interrupted.
        self._plots_stale = int(resumed.state.step) >= setup.plan.total

    @property
    def active(self) -> bool:
        """True until the run has diverged."""
        return not self.diverged

    def record_memory(self, memory: Memory) -> None:
        """Records the bytes that the run takes on each device."""
        if is_primary():
            self._check_folder()
            record_memory(self._workdir, memory)

    def show(self, interval: int, step: int, output: HostOutput) -> None:
        """Shows the losses of the steps up to `step`, which end no chunk; it writes nothing."""
        if self.progress:
            self.progress.show_steps(interval, step, output.metrics)

    def write_pending(self) -> None:
        """Waits for the last accepted chunk and writes it down, then starts its checkpoint."""
        self._flush()
        if self.active:
            self._settle()

    def add(
        self, chunk: Chunk, last_step: int, output: ChunkOutput, state: TrainState | None = None
    ) -> None:
        """Accepts a chunk that the device was given; `write_pending` must come before it.

        Args:
          state: the state after the chunk, if samples of it are to be drawn.
        """
        if self.active:
            # Drawn now: the next chunk is given the buffers of this state.
            samples = None if state is None else _sample(self._setup, self._config.seed, state)
            self._pending = PendingChunk(chunk, last_step, output, samples)

    def evaluate(self, state: TrainState) -> None:
        """Writes down the last chunk with the scores of the state after it; keeps a best state."""
        if not self.active or not self._queue.best:
            return
        row, score = EMPTY, None
        if evaluator := self._setup.evaluator:
            row, pairs = evaluator.evaluate(state)
            score = row[evaluator.distance_name]
            if self._plotter:
                self._plotter.pairs = pairs
        self._flush(row)
        if self.active:
            self._queue.best.update(state, score)
            self._plots_stale = True

    def save(self, state: TrainState) -> None:
        """Writes down the last chunk, and copies the state after it for a checkpoint."""
        self._flush()
        if self.active:
            self._queue.put(state, self._metrics.consecutive_skipped, self._metrics.rows.count)
            self._plots_stale = True

    def wait(self) -> None:
        """Returns when the newest checkpoint is on the disk."""
        self._queue.wait()

    def finish(self) -> None:
        """Draws the curves up to the last save, and waits until that is on the disk."""
        self._settle()
        self._queue.wait()
        # Orbax makes a folder anew that was removed meanwhile, and the run would be there in part.
        self._check_folder()

    def close(self) -> None:
        if self.progress:
            self.progress.close()
        try:
            if self.logs:
                self.logs.close()
        finally:
            self._queue.close()

    def _flush(self, evaluation: Mapping[str, Any] = EMPTY) -> None:
        """Waits for the pending chunk, and writes down its rows and its samples."""
        if self._pending is None:
            return
        done, self._pending = self._pending, None
        self._check_folder()
        metrics, checksums = fetch_calls(done.output)
        samples = None if done.samples is None else np.asarray(done.samples)
        found = evaluation if samples is None else {SPREAD: self._spread(samples), **evaluation}
        counts = self._metrics.write(done.chunk, done.last_step, metrics, checksums, found)
        grid = None
        if self._plotter and samples is not None:
            grid = self._plotter.save_samples(done.chunk, samples)
        if self.logs:
            self.logs.add(self._metrics.newest, grid)
        if self.progress:
            ends = done.chunk.ends_interval
            self.progress.update(done.chunk.interval, self._metrics.rows.newest, ends)
            self.progress.warn(self._config.seed, self._alarms.read(self._metrics.newest))
        if self.on_chunk and is_primary():
            self.on_chunk(done.last_step, metrics)
        limit = self._setup.config.train.max_skipped
        over = [index for index, count in enumerate(counts) if count >= limit]
        # The first step at the limit: the end of the chunk would depend on its length.
        if over:
            self._stop(counts[over[0]], done.last_step - len(counts) + over[0] + 1)

    def _spread(self, samples: np.ndarray) -> float:
        """Returns how much samples differ from each other, in proportion to real examples."""
        return example_spread(samples) / self._real_spread if self._real_spread else math.nan

    @functools.cached_property
    def _real_spread(self) -> float:
        return example_spread(self._real)

    def _settle(self) -> None:
        """Draws what is new, then starts to write the waiting checkpoint.

        Everything that a run leaves up to a step is on the disk before the checkpoint of that
        step, since a resumed run does none of it again. If the curves cannot be written, the
        checkpoint is still tried: a full disk may have room for it.
        """
        if not self._plots_stale:
            return
        self._check_folder()
        self._plots_stale = False
        try:
            if self._plotter:
                self._plotter.save_curves(self._metrics.rows.kept())
            if self.logs and (leaves := self._queue.waiting):
                self.logs.add_weights(leaves, self._metrics.rows.newest)
        except OSError:
            self._queue.start_saving()
            raise
        self._queue.start_saving()

    def _stop(self, skipped: int, step: int) -> None:
        """Ends the run as diverged, once all that it has is on the disk."""
        self._plots_stale = True
        self.finish()
        # Asked of the disk, as an earlier start may have saved it.
        last = self._queue.last_step
        begin = f"last checkpoint: {last}; to go on from it"
        if last is None:
            begin = "there is no checkpoint; to begin again"
        self.diverged = (
            f"{skipped} steps in a row had an update that was not finite, up to step {step}; "
            f"{begin} in this folder with other random draws: "
            f"--config.train.redraw={self._config.train.redraw + 1}; a smaller learning rate or a "
            "gradient penalty needs another --workdir"
        )

    def _check_folder(self) -> None:
        """Refuses to write into another folder of the same name, where another run may be."""
        if directory.read_writer(self._workdir) != self._writer_text:
            raise lost_folder(self._workdir)


@contextlib.contextmanager
def hold_run_directory(
    setup: TrainingSetup, workdir: Path, config: Config, start: Mapping[str, Any] = EMPTY
) -> Iterator[None]:
    """Holds the run directory for this run, in all its processes.

    Args:
      start: what the record says about the state with which the run begins.

    Raises:
      UserError: as `directory.open_run`, or not all processes see the directory.
    """
    with contextlib.ExitStack() as stack:
        with same_error():
            if is_primary():
                environment = {**setup.environment, **start}
                stack.enter_context(directory.open_run(workdir, config, environment))
        process_group.check_shared(workdir)
        yield


@contextlib.contextmanager
def open_run_writer(
    setup: TrainingSetup,
    workdir: Path,
    config: Config,
    fresh: TrainState,
    show_seed: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[RunWriter, TrainState]]:
    """Rolls a held run directory back to its newest valid checkpoint, and writes on from there.

    Args:
      fresh: the state before the first step. It is freed if there is a checkpoint.
      show_seed: the progress names the seed.
      progress: one that several runs share; by default the run shows its own.

    Yields:
      The writer, and the state from which the run goes on.

    Raises:
      UserError: no checkpoint is valid.
    """
    resumed = resume(workdir, config, fresh)
    state = resumed.state
    with same_error():
        best = _best_checkpoint(setup, workdir, config, state)
    # A device may have room for only one of them.
    if state is not fresh:
        jax.tree.map(lambda leaf: leaf.delete(), fresh)
    with same_error():
        writer = RunWriter(setup, workdir, config, resumed, best)
    try:
        with same_error():
            if is_primary():
                seeds = [config.seed] if show_seed else []
                shown = (int(state.step), config.train, setup.plan.total, seeds)
                writer.progress = progress or Progress(*shown)
                sha256 = setup.data.sha256
                writer.logs = RunLogs(workdir, config, setup.plan, resumed.rows, sha256)
        # Its rows are all of the run, and this frame lives as long as the run does.
        del resumed
        yield writer, state
    except BaseException:
        # The first error is the one to report.
        with contextlib.suppress(Exception):
            writer.close()
        raise
    with same_error():
        writer.close()


def _best_checkpoint(
    setup: TrainingSetup, workdir: Path, config: Config, state: TrainState
) -> BestCheckpoint | None:
    """Returns the keeper of the best checkpoint, if the run is evaluated."""
    if evaluator := setup.evaluator:
        name, measure = evaluator.distance_name, evaluator.distance
        return BestCheckpoint.resume(workdir, name, state, measure)
    if config.evaluate.every:
        return BestCheckpoint(workdir / layout.BEST_CHECKPOINT)
    return None


def _sample(setup: TrainingSetup, seed: int, state: TrainState) -> jax.Array:
    """Returns the pixels of a run's sample picture: the same latents at every step."""
    count = samples_shown(setup.data.pixels.shape[1:])
    # Not of the state's key, which config.train.redraw changes.
    key = stream_key(jax.random.key(seed), Stream.SAMPLE, 0)
    return sample_pixels(setup.gan, *inference_variables(setup.gan, state), count, key)
