"""Formats numbers, lists and tables as plain text."""

from collections.abc import Iterable, Mapping


def format_number(value: float | None, form: str = ".4g", missing: str = "not finite") -> str:
    """Formats a number by a format specification; None is a value that was not finite."""
    return missing if value is None else format(value, form)


def join_first(items: Iterable[object], limit: int) -> str:
    """Joins items by commas; those after the first `limit` become "..."."""
    words = [str(item) for item in items]
    return ", ".join(words[:limit] + ["..."] * (len(words) > limit))


def align(columns: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Formats columns, each a mapping from row name to cell, as aligned lines with a header."""
    names = next(iter(columns.values()))
    body = [[name, *(cells[name] for cells in columns.values())] for name in names]
    rows = [["", *columns], *body]
    first, *widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return ["  ".join([name.ljust(first), *map(str.rjust, cells, widths)]) for name, *cells in rows]
