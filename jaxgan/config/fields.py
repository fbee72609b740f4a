"""Declares, checks and reads single settings; `schema` and `network` declare theirs with it."""

import ast
import dataclasses
import itertools
import math
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.config.import_paths import FORM, is_import_path

SchedulePoints = tuple[tuple[float, float], ...]
Weights = tuple[tuple[str, float], ...]
Seeds = int | tuple[int, ...]
Size = int | tuple[int, int]
MAX_SEEDS = 10_000
MAX_SIDE = 4096
TYPE_NAMES: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple[int, ...]: "a tuple of whole numbers such as (256, 512)",
    Seeds: "a count of seeds such as 4, or a tuple of them such as (0, 1, 2)",
    Size: "a side such as 64, or (height, width) such as (48, 64)",
    tuple[str, ...]: "a tuple of names such as ('translation',)",
    Weights: "a tuple of pairs such as (('my_package.penalties:drift', 0.001),)",
    SchedulePoints: "a tuple of pairs such as ((0, 1.0), (3000000, 0.1))",
}


@dataclasses.dataclass(frozen=True)
class Check:
    """A test of a setting's value, and a description of the values that pass it."""

    allowed: str
    test: Callable[[Any], bool]


def one_of(*names: str) -> Check:
    allowed = ", ".join(name or "''" for name in names)
    return Check(f"one of {allowed}", lambda value: value in names)


def choice_of(*names: str) -> Check:
    """Checks for one of the names, or the import path of a part of the user's own."""
    allowed = f"one of {', '.join(names)}, or {FORM}"
    return Check(allowed, lambda value: value in names or is_import_path(value))


def choices_of(*names: str) -> Check:
    """Checks for a tuple of what `choice_of` allows."""
    allowed = f"a tuple of names, each one of {', '.join(names)}, or {FORM}"
    return Check(allowed, lambda value: all(x in names or is_import_path(x) for x in value))


def at_least(low: int) -> Check:
    # Counts reach numpy and JAX, whose largest integers have 64 bits.
    return Check(f"a whole number of at least {low}", lambda value: low <= value < 2**63)


def schedule_points(below: float = math.inf) -> Check:
    """Checks (when, value) pairs: times ascend, values are from 0 and below a bound."""

    def test(value: SchedulePoints) -> bool:
        times = [when for when, _ in value]
        return (
            all(math.isfinite(number) for point in value for number in point)
            and all(when >= 0 for when in times)
            and all(earlier < later for earlier, later in itertools.pairwise(times))
            and all(0 <= level < below for _, level in value)
        )

    bound = "" if below == math.inf else f" below {below:g}"
    allowed = f"(images seen, value) pairs, images ascending from 0 or more, values from 0{bound}"
    return Check(allowed, test)


def _are_seeds(value: Seeds) -> bool:
    if isinstance(value, int):
        return 0 <= value <= MAX_SEEDS
    different = len(set(value)) == len(value) <= MAX_SEEDS
    return different and all(SEED.test(seed) for seed in value)


def _is_size(value: Size) -> bool:
    sides = (value,) if isinstance(value, int) else value
    return value == 0 or all(1 <= side <= MAX_SIDE for side in sides)


ANYTHING = Check("", lambda value: True)
NAME = Check("a name", lambda value: bool(value.strip()))
# JAX makes the same key of a seed and of that seed plus 2**32: two runs would be equal unnoticed.
SEED = Check("a whole number from 0 to 4294967295", lambda value: 0 <= value < 2**32)
_SEEDS = f"a count from 0 to {MAX_SEEDS}, or a tuple of different seeds, each {SEED.allowed}"
SEEDS = Check(_SEEDS, _are_seeds)
POSITIVE = Check("a positive number", lambda value: math.isfinite(value) and value > 0)
NOT_NEGATIVE = Check("zero or a positive number", lambda value: math.isfinite(value) and value >= 0)
DECAY = Check("a number from 0 up to, not including, 1", lambda value: 0 <= value < 1)
FRACTION = Check("a number from 0 to 1", lambda value: 0 <= value <= 1)
SMALL_FRACTION = Check("a number from 0 up to, not including, 0.5", lambda value: 0 <= value < 0.5)
SHARDS = Check("0 or a power of two", lambda value: value >= 0 and not value & (value - 1))
SIZE = Check(f"0, or sides from 1 to {MAX_SIDE}", _is_size)
CHANNELS = Check("0, 1 or 3", lambda value: value in (0, 1, 3))
COLOUR = Check(
    "white, black, grey, or a colour such as #ff8000",
    lambda value: bool(re.fullmatch("white|black|grey|#[0-9a-fA-F]{6}", value)),
)
OWN_WEIGHTS = Check(
    f"(path, weight) pairs: each path another {FORM}, each weight a positive number",
    lambda value: (
        all(is_import_path(path) and POSITIVE.test(weight) for path, weight in value)
        and len(dict(value)) == len(value)
    ),
)
WIDTHS = Check("a tuple of positive whole numbers", lambda value: all(width > 0 for width in value))


def setting(default: Any, meaning: str, check: Check = ANYTHING, may_change: bool = False) -> Any:
    """Declares a field of a config dataclass.

    Args:
      default: its value where nobody sets it.
      meaning: its help text, for the reference page.
      check: what it may be, beside its type.
      may_change: a run may be resumed with another value, because the value does not change the
        bits of the steps; or because the run records which steps had which, as for train.redraw.
    """
    metadata = {"meaning": meaning, "check": check, "may_change": may_change}
    return dataclasses.field(default=default, metadata=metadata)


def iter_settings(config: Any, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field, Any]]:
    """Yields (dotted name, field, value) of every setting, depth first."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from iter_settings(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field, value


def build_config(cls: type, values: dict[str, Any], prefix: str) -> Any:
    """Builds a config dataclass, and those within it, from nested dicts; lists become tuples."""
    if not isinstance(values, dict):
        raise UserError(f"config.{prefix}={values!r}: must be a group of settings")
    types_of = typing.get_type_hints(cls)
    if unknown := sorted(set(values) - set(types_of)):
        known = ", ".join(types_of)
        raise UserError(f"unknown setting config.{prefix}{unknown[0]}; known: {known}")
    built = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(types_of[name]):
            built[name] = build_config(types_of[name], value, f"{prefix}{name}.")
        else:
            built[name] = _as_tuples(value)
    return cls(**built)


def parse_literal(text: str) -> Any:
    """Returns the Python value that a text spells, or the text itself if it spells none."""
    try:
        value = ast.literal_eval(text)
        # Python refuses to print a whole number of very many digits, which an error message needs.
        repr(value)
        return value
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text


def check_setting(name: str, field: dataclasses.Field, value: Any) -> None:
    """Raises UserError if the value has another type than the field, or fails its check."""
    check = field.metadata["check"]
    if not _has_type(value, field.type):
        raise UserError(f"config.{name} = {value!r}: must be {TYPE_NAMES[field.type]}")
    try:
        allowed = check.test(value)
    # A whole number is allowed for a float, but can be beyond the largest one.
    except OverflowError:
        allowed = False
    if not allowed:
        raise UserError(f"config.{name} = {value!r}: must be {check.allowed}")


def _has_type(value: Any, wanted: Any) -> bool:
    """Does what isinstance does, but an int is a float, and True is not an int."""
    if isinstance(wanted, types.UnionType):
        return any(_has_type(value, option) for option in typing.get_args(wanted))
    if typing.get_origin(wanted) is tuple:
        entries = typing.get_args(wanted)
        if not isinstance(value, tuple):
            return False
        if entries[-1] is Ellipsis:
            entries = entries[:1] * len(value)
        return len(value) == len(entries) and all(map(_has_type, value, entries))
    return type(value) in ((int, float) if wanted is float else (wanted,))


def _as_tuples(value: Any) -> Any:
    """Turns the lists of JSON back into tuples."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value
