"""Text tables."""

from collections.abc import Mapping


def align(columns: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Aligned lines: a head, then one per name."""
    names = list(next(iter(columns.values())))
    head = ["", *columns]
    body = [[name, *(column[name] for column in columns.values())] for name in names]
    widths = [max(map(len, cells)) for cells in zip(head, *body, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        )
        for row in (head, *body)
    ]
