"""Shows how far a run is: a live bar on a terminal or in a notebook, else lines in the log."""

import logging
import math
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from jaxgan.config.schema import TrainConfig
from jaxgan.runs.checkpoint_ref import distance_in, distance_label
from jaxgan.runs.plan import images_per_step
from jaxgan.runs.text import format_number

logger = logging.getLogger(__name__)
REDRAW_SECONDS = 0.1  # a streamed chunk can be hundreds of calls in a second
BAR = "{desc} {percentage:3.0f}%{postfix} |{bar}|"


class Progress:
    """Shows epoch or images, time left, losses, distance and speed on standard error."""

    def __init__(self, step: int, train: TrainConfig, total: int, seeds: Sequence[int] = ()):
        """Starts at a step of `total`; `seeds` are shown where the run is one of several."""
        self._who = f"{_describe_seeds(seeds)}, " if seeds else ""
        self._train, self._total = train, total
        self._scored = ""  # the distance of the last row, if it had one
        self._drawn = -math.inf  # time of the last change within a chunk
        self._warm: tuple[float, float] | None = None  # step and time at the first losses
        self._bar = None
        # In a file or a pipe, a bar would be one endless line.
        if sys.stderr.isatty() or _in_notebook():
            self._bar = tqdm(total=total, initial=step, bar_format=BAR, dynamic_ncols=True)
            self._bar.set_description(f"{self._who}compiling")

    def update(self, interval: int, row: dict[str, Any], ends_interval: bool) -> None:
        """Shows a chunk's last row; intervals, which can be epochs, count from 1."""
        self._scored = _distance(row)
        self._draw(interval, row, ends_interval)

    def show_steps(self, interval: int, step: int, metrics: Mapping[str, np.ndarray]) -> None:
        """Moves the bar within a chunk; without a bar nothing is shown.

        Args:
          metrics: of the last steps; of several runs, the median of their means is shown.
        """
        now = time.monotonic()
        if self._bar is None or now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        losses = {name: np.mean(metrics[name], axis=-1) for name in ("disc/loss", "gen/loss")}
        # A run that has diverged does not count, as in `SharedProgress`.
        finite = {name: means[np.isfinite(means)] for name, means in losses.items()}
        row = {name: float(np.median(m)) if m.size else None for name, m in finite.items()}
        self._draw(interval, {"step": step, **row}, ends_interval=False)

    def warn(self, seed: int, warnings: Iterable[str]) -> None:
        """Logs what a run warns of, above the bar; names the seed where there are several."""
        for text in warnings:
            if self._bar is not None:
                self._bar.clear()
            logger.warning(f"seed {seed}: {text}" if self._who else text)
            if self._bar is not None:
                self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _draw(self, interval: int, row: dict[str, Any], ends_interval: bool) -> None:
        disc, gen = (format_number(row[f"{player}/loss"], ".3f") for player in ("disc", "gen"))
        left, speed = self._speed(row["step"])
        # A narrow terminal cuts the end off: the least important comes last.
        text = f"{left}D loss {disc}, G loss {gen}{self._scored}{speed}"
        if self._bar is not None:
            self._bar.set_description(self._position(interval, row["step"]), refresh=False)
            self._bar.postfix = text
            self._bar.update(row["step"] - self._bar.n)
            self._bar.refresh()
        elif ends_interval:
            logger.info(f"{self._position(interval, row['step'])}: {text}")

    def _position(self, interval: int, step: int) -> str:
        if not self._train.images:
            return f"{self._who}epoch {interval}/{self._train.epochs}"
        done, all_images = (count * images_per_step(self._train) for count in (step, self._total))
        return f"{self._who}{done}/{all_images} images"

    def _speed(self, step: float) -> tuple[str, str]:
        """Returns the time left and the speed, in words with their commas; "" after one call."""
        now = time.monotonic()
        if self._warm is None:
            # The time of the first call is mostly that of the compiler.
            self._warm = (step, now)
            return "", ""
        first, since = self._warm
        rate = (step - first) / (now - since)
        left = tqdm.format_interval((self._total - step) / rate)
        return f"{left} left, ", f", {rate:.0f} steps/s"


class SharedProgress(Progress):
    """Shows the medians of several runs at the same step, once each has given its row."""

    def __init__(self, step: int, train: TrainConfig, total: int, seeds: Sequence[int]):
        super().__init__(step, train, total, seeds)
        self._updates: list[tuple[int, dict[str, Any], bool]] = []

    def update(self, interval: int, row: dict[str, Any], ends_interval: bool) -> None:
        self._updates.append((interval, row, ends_interval))

    def show(self) -> None:
        """Shows the medians of the rows given since the last call."""
        if not self._updates:
            return
        interval, last, ends_interval = self._updates[-1]
        rows = [row for _, row, _ in self._updates]
        self._updates = []
        names = ["disc/loss", "gen/loss"]
        if found := distance_in(last):
            names.append(found[0])
        medians = {name: _median(rows, name) for name in names} | {"step": last["step"]}
        super().update(interval, medians, ends_interval)


def _in_notebook() -> bool:
    """Returns True in the kernel of a notebook."""
    ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(ipython, "config", {})


def _median(rows: list[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row.get(name) is not None]
    return statistics.median(values) if values else None


def _describe_seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"medians of {len(seeds)} seeds"


def _distance(row: dict[str, Any]) -> str:
    """Returns the held-out distance of a row in words, or "" if it has none."""
    if not (found := distance_in(row)):
        return ""
    name, value = found
    return f", {distance_label(name).removesuffix(' distance')} {format_number(value, '.3f')}"
