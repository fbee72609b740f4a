"""`compare` of two folders of many seeds: bits seed by seed, and figures against seeds' noise."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.plots.comparisons import save_bands
from jaxgan.reproducibility.record_diff import DIFFERENT, SAME
from jaxgan.reproducibility.significance import LEVEL, MIN_RUNS, WelchTest, welch_tests
from jaxgan.runs import directory, ledger, seed_folders, seed_statistics
from jaxgan.runs.text import align

CURVES = ("disc/loss", "gen/loss")


def compare_seeds(a: Path, b: Path, out: Path) -> int:
    """Prints how the runs of two folders differ; returns SAME if each has the bits of its twin.

    Figures are those of the last rows of the runs that are trained to the end.

    Raises:
      UserError: one of the folders holds a single run, or none.
    """
    for workdir in (a, b):
        if not directory.read_config(workdir).seeds:
            raise UserError(
                f"{workdir}: holds a single run, and the other many seeds; name one of its folders"
            )
    status = _bits(a, b)
    print(_figures(a, b))
    rows = [list(seed_statistics.rows_of(workdir).values()) for workdir in (a, b)]
    print(*_curves(*rows), sep="\n")
    save_bands(out, {str(a): rows[0], str(b): rows[1]}, "two sets of seeds")
    print(f"{out}: median and quartiles of both")
    return status


def _bits(a: Path, b: Path) -> int:
    old, new = seed_folders.seed_folders(a), seed_folders.seed_folders(b)
    alike: list[int] = []
    parted: list[int] = []
    for seed in sorted(old.keys() & new.keys()):
        first, second = (ledger.read(folder) for folder in (old[seed], new[seed]))
        same = len(first.steps) > 0 and all(map(np.array_equal, first, second))
        same = same and not ledger.first_differing_checkpoint(old[seed], new[seed])
        (alike if same else parted).append(seed)
    if alike:
        print(f"the same bits: seeds {_listed(alike)}")
    if parted:
        print(f"other bits: seeds {_listed(parted)}; to see where: compare", end=" ")
        print(f"{old[parted[0]]} {new[parted[0]]}")
    alone = sorted(old.keys() ^ new.keys())
    if alone:
        print(f"in one folder only: seeds {_listed(alone)}")
    return DIFFERENT if parted or alone or not alike else SAME


def _figures(a: Path, b: Path) -> str:
    old, new = (_values(workdir) for workdir in (a, b))
    found = welch_tests({name: (old[name], new[name]) for name in old if name in new})
    if not found:
        return f"no figures to compare: at least {MIN_RUNS} runs on each side must be at their end"
    columns = {
        "a": {name: f"{c.means[0]:.4g} ± {c.deviations[0]:.2g}" for name, c in found.items()},
        "b": {name: f"{c.means[1]:.4g} ± {c.deviations[1]:.2g}" for name, c in found.items()},
        "b - a": {name: f"{c.difference:+.3g}" for name, c in found.items()},
        "95 %": {name: f"[{c.low:.3g}, {c.high:.3g}]" for name, c in found.items()},
        "p": {name: f"{c.p:.2g}" for name, c in found.items()},
        "": {name: _verdict(c) for name, c in found.items()},
    }
    sizes = next(iter(found.values())).sizes
    head = f"last rows of {sizes[0]} and {sizes[1]} runs, mean ± standard deviation; p adjusted"
    return "\n".join([f"{head} for {len(found)} figures:", *align(columns)])


def _curves(a: list[list[dict[str, Any]]], b: list[list[dict[str, Any]]]) -> Iterator[str]:
    """Of each loss, in how many epochs the two sets of runs differ."""
    for name in CURVES:
        old, new = _by_epoch(a, name), _by_epoch(b, name)
        both = {str(epoch): (old[epoch], new[epoch]) for epoch in old if epoch in new}
        if found := welch_tests(both):
            apart = [epoch for epoch, contrast in found.items() if not contrast.within_noise]
            where = f" ({', '.join(apart[:5])}{', ...' if len(apart) > 5 else ''})" if apart else ""
            yield f"{name}: differs in {len(apart)} of {len(found)} epochs{where}"


def _by_epoch(runs: list[list[dict[str, Any]]], name: str) -> dict[int, list[float]]:
    """The values of the rows that end each epoch, where all runs have a finite one."""
    found: dict[int, list[float]] = {}
    for rows in runs:
        for row in rows:
            if row["epoch"] == int(row["epoch"]) and row.get(name) is not None:
                found.setdefault(int(row["epoch"]), []).append(row[name])
    return {epoch: values for epoch, values in found.items() if len(values) == len(runs)}


def _values(workdir: Path) -> dict[str, list[float]]:
    found = seed_statistics.summarize(workdir, directory.read_config(workdir), {})["metrics"]
    return {
        name: [value for value in figures["values"].values() if value is not None]
        for name, figures in found.items()
    }


def _verdict(contrast: WelchTest) -> str:
    return "within noise" if contrast.within_noise else f"differs (p < {LEVEL})"


def _listed(seeds: list[int]) -> str:
    return ", ".join(map(str, seeds[:10])) + (", ..." if len(seeds) > 10 else "")
