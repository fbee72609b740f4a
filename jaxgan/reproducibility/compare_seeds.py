"""Compares two folders of many seeds: bits seed by seed, and metrics by significance tests."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.plots.comparisons import Rows, save_bands, values_by_epoch
from jaxgan.reproducibility.significance import LEVEL, MIN_RUNS, WelchTest, welch_tests
from jaxgan.runs import directory, ledger, seed_folders, seed_statistics
from jaxgan.runs.ledger_rows import combine_alike
from jaxgan.runs.text import align, join_first

LOSSES = ("disc/loss", "gen/loss")
SeedRows = Mapping[int, Rows]  # metrics rows by seed


def compare_seeds(a: Path, b: Path, out: Path, say: Callable[[str], object]) -> bool:
    """Describes how the runs of two folders of many seeds differ, and plots their losses.

    Args:
      out: the plot, a PNG.
      say: receives the description, line by line.

    Returns:
      Whether both folders have the same seeds, and every seed has the same bits.

    Raises:
      UserError: one of the folders holds a single run, or none.
    """
    for workdir in (a, b):
        if not directory.read_config(workdir).seeds:
            raise UserError(
                f"{workdir}: holds a single run, and the other many seeds; name one of its folders"
            )
    same = _compare_bits(a, b, say)
    rows = seed_statistics.read_all_rows(a), seed_statistics.read_all_rows(b)
    values = _final_values(a, rows[0]), _final_values(b, rows[1])
    for line in (*_metrics_table(*values), *_loss_lines(*rows)):
        say(line)
    groups = {str(workdir): list(part.values()) for workdir, part in zip((a, b), rows, strict=True)}
    save_bands(out, groups, "two sets of seeds")
    say(f"{out}: median and quartiles of both")
    return same


def _compare_bits(a: Path, b: Path, say: Callable[[str], object]) -> bool:
    old, new = seed_folders.seed_folders(a), seed_folders.seed_folders(b)
    common = sorted(old.keys() & new.keys())
    equal = [seed for seed in common if _have_same_bits(old[seed], new[seed])]
    unequal = [seed for seed in common if seed not in equal]
    unpaired = sorted(old.keys() ^ new.keys())
    if equal:
        say(f"the same bits: seeds {join_first(equal, 10)}")
    if unequal:
        first = f"{old[unequal[0]]} {new[unequal[0]]}"
        say(f"different bits: seeds {join_first(unequal, 10)}; to see where: compare {first}")
    if unpaired:
        say(f"in one folder only: seeds {join_first(unpaired, 10)}")
    return bool(equal) and not unequal and not unpaired


def _have_same_bits(a: Path, b: Path) -> bool:
    old, new = combine_alike(ledger.read(a), ledger.read(b))
    # Two empty ledgers are equal and prove nothing.
    same = len(old.steps) > 0 and all(map(np.array_equal, old, new))
    return same and not ledger.first_differing_checkpoint(a, b)


def _final_values(workdir: Path, rows: SeedRows) -> dict[str, list[float]]:
    """Returns the finite values of each metric in the last rows of the finished runs."""
    config = directory.read_config(workdir)
    summary = seed_statistics.summarise(
        config, rows, seed_statistics.final_step(workdir, config), {}
    )
    return {
        name: [value for value in result["values"].values() if value is not None]
        for name, result in summary["metrics"].items()
    }


def _metrics_table(old: Mapping[str, list[float]], new: Mapping[str, list[float]]) -> Iterator[str]:
    """Yields the lines of a table of the metrics that both sets of runs have."""
    tests = welch_tests({name: (old[name], new[name]) for name in old if name in new})
    if not tests:
        yield f"no metrics to compare: at least {MIN_RUNS} runs on each side must have finished"
        return
    columns = {
        side: {n: f"{t.means[i]:.4g} ± {t.deviations[i]:.2g}" for n, t in tests.items()}
        for i, side in enumerate("ab")
    }
    columns["b - a"] = {name: f"{test.difference:+.3g}" for name, test in tests.items()}
    columns["95 %"] = {name: f"[{test.low:.3g}, {test.high:.3g}]" for name, test in tests.items()}
    columns["p"] = {name: f"{test.p:.2g}" for name, test in tests.items()}
    columns[""] = {name: _conclusion(test) for name, test in tests.items()}
    sizes = next(iter(tests.values())).sizes
    yield (
        f"last rows of {sizes[0]} and {sizes[1]} runs, mean ± standard deviation; p adjusted for "
        f"{len(tests)} metrics:"
    )
    yield from align(columns)


def _conclusion(test: WelchTest) -> str:
    return "within noise" if test.within_noise else f"differs (p < {LEVEL})"


def _loss_lines(a: SeedRows, b: SeedRows) -> Iterator[str]:
    """Yields, for each loss, in how many epochs the two sets of runs differ."""
    for name in LOSSES:
        old, new = _values_by_epoch(a, name), _values_by_epoch(b, name)
        pairs = {str(epoch): (old[epoch], new[epoch]) for epoch in old if epoch in new}
        # All epochs of a loss are tested together, so that many epochs do not make a difference
        # likely.
        if tests := welch_tests(pairs):
            differing = [epoch for epoch, test in tests.items() if not test.within_noise]
            where = f" ({join_first(differing, 5)})" if differing else ""
            yield f"{name}: differs in {len(differing)} of {len(tests)} epochs{where}"


def _values_by_epoch(runs: SeedRows, name: str) -> dict[int, list[float]]:
    """Returns the values at the end of each epoch where all runs have a finite one."""
    values = values_by_epoch(runs.values(), name)
    # A mean over fewer runs would be one of other seeds.
    full = {epoch: found for epoch, found in values.items() if len(found) == len(runs)}
    # Rows within an epoch depend on config.train.logs_per_epoch, which may differ.
    return {int(epoch): found for epoch, found in full.items() if epoch == int(epoch)}
