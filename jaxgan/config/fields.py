"""How a setting is declared, checked and read: what `config` declares the settings with."""

import ast
import dataclasses
import itertools
import math
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from jaxgan.config.errors import UserError


@dataclasses.dataclass(frozen=True)
class Check:
    """What a setting may be: a test of the value, and the words for it."""

    allowed: str
    test: Callable[[Any], bool]


def one_of(*names: str) -> Check:
    return Check(f"one of {', '.join(names)}", lambda value: value in names)


def at_least(low: int) -> Check:
    return Check(f"a whole number of at least {low}", lambda value: low <= value < 2**63)


ANYTHING = Check("anything", lambda value: True)
NAME = Check("a name", lambda value: bool(value.strip()))
SEED = Check("a whole number from 0 to 4294967295", lambda value: 0 <= value < 2**32)
POSITIVE = Check("a positive number", lambda value: math.isfinite(value) and value > 0)
NOT_NEGATIVE = Check("zero or a positive number", lambda value: math.isfinite(value) and value >= 0)
DECAY = Check("a number from 0 up to, not including, 1", lambda value: 0 <= value < 1)
FRACTION = Check("a number from 0 to 1", lambda value: 0 <= value <= 1)
SMALL_FRACTION = Check("a number from 0 up to, not including, 0.5", lambda value: 0 <= value < 0.5)
SchedulePoints = tuple[tuple[float, float], ...]
Seeds = int | tuple[int, ...]
MAX_SEEDS = 10_000
TYPE_NAMES: dict[Any, str] = {  # of each type, in words
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple[int, ...]: "a tuple of whole numbers such as (256, 512)",
    Seeds: "a count of seeds such as 4, or a tuple of them such as (0, 1, 2)",
    tuple[str, ...]: "a tuple of names such as ('translation',)",
    SchedulePoints: "a tuple of pairs such as ((0, 1.0), (3000000, 0.1))",
}
WIDTHS = Check("a tuple of positive whole numbers", lambda value: all(width > 0 for width in value))


def _are_seeds(value: int | tuple[int, ...]) -> bool:
    if isinstance(value, int):
        return 0 <= value <= MAX_SEEDS
    different = len(set(value)) == len(value) <= MAX_SEEDS
    return different and all(SEED.test(seed) for seed in value)


SEEDS = Check(
    f"a count from 0 to {MAX_SEEDS}, or a tuple of different seeds, each {SEED.allowed}",
    _are_seeds,
)


def each_of(*names: str) -> Check:
    return Check(
        f"a tuple of names, each one of {', '.join(names)}",
        lambda value: all(name in names for name in value),
    )


def points(low: float = 0.0, below: float = math.inf) -> Check:
    """Of a schedule: images ascending, values within bounds."""

    def test(value: tuple[tuple[float, float], ...]) -> bool:
        places = [place for place, _ in value]
        ascending = all(a < b for a, b in itertools.pairwise(places))
        sound = all(place >= 0 for place in places)
        finite = all(math.isfinite(number) for point in value for number in point)
        return ascending and sound and finite and all(low <= level < below for _, level in value)

    bound = "" if below == math.inf else f" below {below:g}"
    return Check(
        f"(images seen, value) pairs, images ascending from 0 or more, values from {low:g}{bound}",
        test,
    )


def setting(default: Any, meaning: str, check: Check = ANYTHING, may_change: bool = False) -> Any:
    """A field of the config. One that `may_change` does not alter a run's bits: a run may be
    resumed with another value of it."""
    metadata = {"meaning": meaning, "check": check, "may_change": may_change}
    return dataclasses.field(default=default, metadata=metadata)


def iter_settings(config: Any, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field, Any]]:
    """(dotted name, field, value) of every setting, depth first."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from iter_settings(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field, value


def build_config(cls: type, values: dict[str, Any], prefix: str) -> Any:
    if not isinstance(values, dict):
        raise UserError(f"config.{prefix}={values!r}: must be a group of settings")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if unknown := sorted(set(values) - set(fields)):
        raise UserError(f"unknown setting config.{prefix}{unknown[0]}; known: {', '.join(fields)}")
    kinds = typing.get_type_hints(cls)
    built = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(kinds[name]):
            built[name] = build_config(kinds[name], value, f"{prefix}{name}.")
        else:
            built[name] = _as_tuples(value)
    return cls(**built)


def parse_literal(text: str) -> Any:
    try:
        value = ast.literal_eval(text)
        repr(value)  # a whole number may be too long to be written down
        return value
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text  # of the wrong type, which the check will say


def check_setting(name: str, field: dataclasses.Field, value: Any) -> None:
    check = field.metadata["check"]
    if not _is_of_type(value, field.type):
        raise UserError(f"config.{name} = {value!r}: must be {TYPE_NAMES[field.type]}")
    try:
        allowed = check.test(value)
    except OverflowError:  # a whole number beyond the largest float
        allowed = False
    if not allowed:
        raise UserError(f"config.{name} = {value!r}: must be {check.allowed}")


def _is_of_type(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, types.UnionType):
        return any(_is_of_type(value, one) for one in typing.get_args(wanted))
    if typing.get_origin(wanted) is tuple:
        entries = typing.get_args(wanted)
        if not isinstance(value, tuple):
            return False
        if entries[-1] is Ellipsis:
            entries = entries[:1] * len(value)
        return len(value) == len(entries) and all(map(_is_of_type, value, entries))
    if wanted is float:
        return type(value) in (int, float)
    return type(value) is wanted


def _as_tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value
