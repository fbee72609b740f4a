"""The verb `compare`: whether two runs have the same bits, and where and why they differ."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.plots.comparisons import save_divergence
from jaxgan.reproducibility import divergence, replay
from jaxgan.reproducibility.compare_seeds import compare_seeds
from jaxgan.reproducibility.record_diff import config_diff, environment_diff
from jaxgan.runs import directory, ledger
from jaxgan.runs.ledger_rows import (
    Ledger,
    combine_alike,
    combine_old,
    common_rows,
    first_difference,
)
from jaxgan.runs.text import join_first

Say = Callable[[str], object]
MAX_ARRAYS = 8  # listed by name
CAUSES = {  # by the first ledger column that differs
    "batch": "different batches: seed, order, batch size or data",
    "latents": "different latents: seed, train.redraw, latent size or batch size",
    "disc_loss": "D's loss on the same batch and latents: the weights before, or the arithmetic",
    "disc_grads": "D's gradients, although D's loss is the same",
    "disc_params": "D's update, although D's gradients are the same",
    "disc_opt": "D's update, although D's gradients are the same",
    "gen_loss": "G's loss, although D's gradients are the same: D's update, or the arithmetic",
    "gen_grads": "G's gradients, although G's loss is the same",
    "gen_params": "G's update, although G's gradients are the same",
    "gen_opt": "G's update, although G's gradients are the same",
    "ema": "the average of G's weights, although G's update is the same",
}


def compare(a: Path, b: Path, out: Path, say: Say, replays: bool = True) -> bool:
    """Describes how two runs differ.

    The ledgers decide whether they have the same bits. Where the ledgers differ, both runs are
    replayed from their nearest checkpoints to find the first array that differs, and the distance
    of their parameters is plotted. Two folders of many seeds are compared by `compare_seeds`.

    Args:
      out: the plot, a PNG.
      say: receives the description, line by line.
      replays: whether to replay.

    Returns:
      Whether the runs have the same bits.

    Raises:
      UserError: one of them is no run or has no ledger, or the two have no step in common.
    """
    for line in (*config_diff(a, b), *environment_diff(a, b)):
        say(line)
    # Also if only one folder has many seeds: `compare_seeds` refuses the pair and says why.
    if any(directory.read_config(workdir).seeds for workdir in (a, b)):
        return compare_seeds(a, b, out, say)
    old, new = combine_alike(_read_ledger(a), _read_ledger(b))
    old_common, new_common = common_rows(old, new)
    common = old_common.all_steps()
    if not len(common):
        raise UserError(f"{a} and {b}: their ledgers have no step in common")
    difference = first_difference(old_common, new_common)
    if difference is None:
        return _compare_ends(a, b, old, new, len(common), say)
    step, last, columns = difference
    start = int(common[0])
    before = f"the same from step {start} to {step - 1}; " if step > start else ""
    if step == last:
        say(f"{before}first difference at step {step}: {', '.join(columns)}")
        say(f"  {CAUSES[columns[0]]}")
    else:
        # Every later step differs too, so the columns do not tell the cause.
        say(f"{before}first difference within steps {step} to {last}, which share one row")
    if replays:
        _compare_replays(a, b, (step, last), out, say)
    return False


def _read_ledger(workdir: Path) -> Ledger:
    recorded = ledger.read(workdir)
    if not len(recorded.steps):
        raise UserError(f"{workdir}: has no {ledger.LEDGER} with a step in it")
    return recorded


def _compare_ends(a: Path, b: Path, old: Ledger, new: Ledger, common: int, say: Say) -> bool:
    """Compares checkpoints and lengths of two runs whose ledgers agree in all common steps."""
    if difference := ledger.first_differing_checkpoint(a, b):
        step, names = difference
        arrays = join_first(names, MAX_ARRAYS)
        say(f"the ledgers are the same; the checkpoints of step {step} differ in: {arrays}")
        return False
    ends = {a: int(old.steps[-1]), b: int(new.steps[-1])}
    if ends[a] != ends[b]:
        shorter = min(ends, key=ends.__getitem__)
        say(
            f"the same bits up to step {ends[shorter]}, where {shorter} ends; the other has "
            f"{max(ends.values())} steps"
        )
        return False
    if not np.array_equal(old.steps, new.steps):
        say(f"the same bits in {common} steps; other steps are missing from one of the ledgers")
        return False
    checkpoints = len(ledger.read_leaves(a).keys() & ledger.read_leaves(b).keys())
    say(f"the same bits: {common} steps, and every array of {checkpoints} checkpoints")
    return True


def _compare_replays(a: Path, b: Path, steps: tuple[int, int], out: Path, say: Say) -> None:
    """Replays both runs, describes the first difference and plots the drift.

    Args:
      steps: first and last step of the ledgers' first row that differs.
    """
    try:
        runs = replay.load_for_replay(a), replay.load_for_replay(b)
    except UserError as error:
        say(f"not replayed: {error}")
        return
    # A difference of their parameters is not defined.
    if not divergence.have_same_arrays(*runs):
        say("not replayed: the networks or optimizer states have different arrays")
        return
    if first := divergence.find_divergence(*runs, *steps):
        when = f"at step {first.step}" if first.step else "before the first step"
        say(f"replayed: the runs diverge {when}, in {len(first.leaves)} arrays:")
        for leaf in first.leaves[:MAX_ARRAYS]:
            by = "" if math.isnan(leaf.largest) else f", by up to {leaf.largest:.3g}"
            say(f"  {leaf.name}: {leaf.entries} of {leaf.size} entries{by}")
        drifts = divergence.replayed_drift(*runs, first.step)
    else:
        # So something other than config and data changed a run: the ledgers show which of them.
        say(f"replayed: both configs compute the same up to step {steps[1]}:")
        for run in runs:
            say(f"  {run.workdir}: {_check_ledger(run, *steps)}")
        drifts = divergence.checkpoint_drift(*runs, steps[0] - 1)
    _describe_drift(drifts, out, say)


def _check_ledger(run: replay.LoadedRun, first: int, last: int) -> str:
    """Says whether a replay gives the checksums of the run's ledger, and why if not."""
    recorded = ledger.read(run.workdir)
    if first < last:
        # The other run's ledger has one row for these steps; this one may have a row for each.
        recorded = combine_old(recorded, last)
    columns = replay.mismatched_columns(
        run, recorded.row_with(last), replay.state_at(run, first - 1)
    )
    steps = f"step {last}" if first == last else f"steps {first} to {last}"
    if not columns:
        return f"its ledger matches the replay of {steps}"
    reason = replay.rounding_reason(run.workdir) or (
        "something outside config and data changed it (versions, device, code, a fault)"
    )
    return f"its ledger does not match the replay of {steps} in {', '.join(columns)}: {reason}"


def _describe_drift(drifts: list[divergence.Drift], out: Path, say: Say) -> None:
    if not drifts:
        return
    save_divergence(out, drifts)
    say(f"|a - b| / |a| of all parameters ({out}):")
    # The first, the last and each 16th between them; the plot has them all.
    for drift in (drifts[0], *drifts[1:-1][15::16], *drifts[1:][-1:]):
        source = "" if drift.replayed else " (checkpoints)"
        say(f"  step {drift.step}: D {drift.disc:.3g}, G {drift.gen:.3g}{source}")
