"""Times several variants of one thing in alternating rounds, within one process.

The speed of a machine drifts from minute to minute, but hardly within a round. So ratios are
computed within each round, and medians and quartiles are those of the ratios.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

Measure = Callable[[], float]  # does something once; returns the seconds that it took


class Variant(NamedTuple):
    """One way to do the thing that is timed.

    Attributes:
      prepare: builds all that it needs, untimed, and returns what is timed.
      amount: steps, images, ... in one call.
    """

    prepare: Callable[[], Measure]
    amount: float = 1


class Timings(NamedTuple):
    """The results of all variants.

    Attributes:
      rounds: seconds per step, image, ... of each round, by variant.
      left_out: the reason in one line, by variant that failed.
    """

    rounds: dict[str, list[float]]
    left_out: dict[str, str]


def stopwatch(action: Callable[[], object]) -> Measure:
    """Returns a function that calls `action` and returns the seconds that it took."""

    def measure() -> float:
        start = time.perf_counter()
        action()
        return time.perf_counter() - start

    return measure


def time_in_turn(variants: Mapping[str, Variant], rounds: int) -> Timings:
    """Times each variant once in each round.

    A variant that fails is left out, and the others go on. The first one is the reference of the
    ratios; its errors are raised.
    """
    reference, *_ = variants
    measures: dict[str, Measure] = {}
    left_out: dict[str, str] = {}
    times: dict[str, list[float]] = {name: [] for name in variants}

    def attempt(name: str, action: Callable[[], Any]) -> Any:
        try:
            return action()
        # PyTorch and its compilers fail in many ways, none of which should cost the other results.
        except Exception as error:
            if name == reference:
                raise
            left_out[name] = reason(error)

    for name, variant in variants.items():
        measure = attempt(name, variant.prepare)
        # The first call compiles, and is not timed.
        if name not in left_out and attempt(name, measure) is not None:
            measures[name] = measure
    for number in range(rounds):
        # Every other round goes backwards, so that no variant always follows the same one.
        for name in [*measures][:: -1 if number % 2 else 1]:
            if name not in left_out and (seconds := attempt(name, measures[name])) is not None:
                times[name].append(seconds / variants[name].amount)
    return Timings({name: x for name, x in times.items() if name not in left_out}, left_out)


def reason(error: Exception) -> str:
    """Returns the class and the first line of an error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def summarise(values: list[float]) -> dict[str, Any]:
    """Returns the values of all rounds with their median and quartiles."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return {"median": median, "quartiles": [low, high], "rounds": values}


def ratios(rounds: Mapping[str, list[float]], reference: str) -> dict[str, list[float]]:
    """Returns each variant's value over that of the reference, round by round."""
    base = rounds[reference]
    return {
        name: [value / other for value, other in zip(values, base, strict=True)]
        for name, values in rounds.items()
        if name != reference
    }
