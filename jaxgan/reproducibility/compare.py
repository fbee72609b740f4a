"""The verb `compare`: whether two runs have the same bits, and if not, where they part and why."""

import math
from pathlib import Path

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.plots.comparisons import save_divergence
from jaxgan.reproducibility.compare_seeds import compare_seeds
from jaxgan.reproducibility.divergence import (
    Drift,
    checkpoint_drift,
    drift_after,
    find_divergence,
    same_networks,
)
from jaxgan.reproducibility.record_diff import DIFFERENT, SAME, config_diff, environment_diff
from jaxgan.reproducibility.replay import (
    LoadedRun,
    load_for_replay,
    mismatched_columns,
    replay,
    rounding_reason,
    state_at,
)
from jaxgan.runs import directory, ledger
from jaxgan.runs.ledger import Ledger

MAX_LEAVES = 8  # that are listed
CAUSES = {  # of a difference, by the first mark that shows it
    "batch": "other batches: seed, order, batch size or data",
    "latents": "other latents: seed, latent size or batch size",
    "disc_loss": "D's loss on the same batch and latents: the weights before, or the arithmetic",
    "disc_grads": "D's gradients, of the same loss",
    "disc_params": "D's update, by the same gradients",
    "disc_opt": "D's update, by the same gradients",
    "gen_loss": "G's loss, after the same gradients of D: D's update, or the arithmetic",
    "gen_grads": "G's gradients, of the same loss",
    "gen_params": "G's update, by the same gradients",
    "gen_opt": "G's update, by the same gradients",
    "ema": "the average of G's weights, after the same update",
}


def compare(a: Path, b: Path, out: Path, replays: bool = True) -> int:
    """Prints how two runs differ; returns SAME if they have the same bits, DIFFERENT if not.

    Judged by their ledgers. Where these part, both runs are replayed from their nearest
    checkpoints, to name the first leaf, and how far they are apart is drawn into `out`. Of
    folders of many seeds, as `compare_seeds`.

    Raises:
      UserError: one of them is no run, has no ledger, or the two have no step in common.
    """
    for line in (*config_diff(a, b), *environment_diff(a, b)):
        print(line)
    if any(directory.read_config(workdir).seeds for workdir in (a, b)):
        return compare_seeds(a, b, out)
    first, second = _ledger_of(a), _ledger_of(b)
    steps, old, new = np.intersect1d(first.steps, second.steps, return_indices=True)
    if not len(steps):
        raise UserError(f"{a} and {b}: their ledgers have no step in common")
    unlike = first.checksums[old] != second.checksums[new]
    if unlike.any():
        row = int(np.argmax(unlike.any(axis=1)))
        names = [
            name for name, differs in zip(CHECKSUM_COLUMNS, unlike[row], strict=True) if differs
        ]
        _print_first(int(steps[0]), int(steps[row]), names)
        if replays:
            _replayed(a, b, int(steps[row]), out)
        return DIFFERENT
    return _same_so_far(a, b, first, second, len(steps))


def _same_so_far(a: Path, b: Path, first: Ledger, second: Ledger, common: int) -> int:
    """Of ledgers that are equal as far as both go."""
    if found := ledger.first_differing_checkpoint(a, b):
        step, leaves = found
        print(f"the ledgers are the same; the checkpoints of step {step} differ in: ", end="")
        print(", ".join(leaves[:MAX_LEAVES]))
        return DIFFERENT
    if not np.array_equal(first.steps, second.steps) and first.steps[-1] == second.steps[-1]:
        print(f"the same bits in {common} steps; the ledger of one run lacks others of them")
        return DIFFERENT
    ends = {a: int(first.steps[-1]), b: int(second.steps[-1])}
    shorter = min(ends, key=ends.__getitem__)
    if ends[a] != ends[b]:
        print(
            f"the same bits up to step {ends[shorter]}, where {shorter} ends; the other has "
            f"{max(ends.values())} steps"
        )
        return DIFFERENT
    both = len(ledger.read_leaves(a).keys() & ledger.read_leaves(b).keys())
    print(f"the same bits: {common} steps, and every leaf of {both} checkpoints")
    return SAME


def _print_first(start: int, step: int, names: list[str]) -> None:
    before = f"the same from step {start} to {step - 1}; " if step > start else ""
    print(f"{before}first difference at step {step}: {', '.join(names)}")
    print(f"  {CAUSES[names[0]]}")


def _replayed(a: Path, b: Path, step: int, out: Path) -> None:
    """Prints what the replays of both runs show, and draws how far they go apart."""
    try:
        programs = load_for_replay(a), load_for_replay(b)
    except UserError as error:
        print(f"not replayed: {error}")
        return
    if not same_networks(*programs):
        print("not replayed: the networks, or what is kept of them, are different ones")
        return
    found = find_divergence(*programs, step)
    if found:
        when = f"at step {found.step}" if found.step else "before the first step"
        print(f"replayed: the runs part {when}, in {len(found.leaves)} arrays:")
        for leaf in found.leaves[:MAX_LEAVES]:
            print(f"  {leaf.name}: {leaf.entries} of {leaf.size} entries", end="")
            print("" if math.isnan(leaf.largest) else f", by up to {leaf.largest:.3g}")
        apart = drift_after(*programs, found.step)
    else:
        print(f"replayed: the programs of both runs do the same up to step {step}:")
        for program in programs:
            print(f"  {program.workdir}: {_faithful(program, step)}")
        apart = checkpoint_drift(*programs, step - 1)
    _print_growth(apart, out)


def _faithful(program: LoadedRun, step: int) -> str:
    replayed = replay(program, state_at(program, step - 1), 1)
    if names := mismatched_columns(program, replayed):
        why = rounding_reason(program.workdir) or (
            "something outside config and data changed it (versions, device, code, a fault)"
        )
        differing = f"in {', '.join(names)} of step {step}"
        return f"its ledger is not what its program does here, {differing}: {why}"
    return f"its ledger is what its program does, to step {step}"


def _print_growth(apart: list[Drift], out: Path) -> None:
    if not apart:
        return
    save_divergence(out, apart)
    print("|a - b| / |a| of all parameters (", end="")
    print(f"{out}):")
    for row in (apart[0], *apart[1:-1][15::16], *apart[1:][-1:]):
        how = "" if row.replayed else " (checkpoints)"
        print(f"  step {row.step}: D {row.disc:.3g}, G {row.gen:.3g}{how}")


def _ledger_of(workdir: Path) -> Ledger:
    found = ledger.read(workdir)
    if not len(found.steps):
        raise UserError(f"{workdir}: has no {ledger.LEDGER} with a step in it")
    return found
