"""Pieces of HTML; every text that is given to them is escaped here, unless a name says `html`."""

import html
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from jaxgan.runs.atomic_files import json_safe

# "</script>" and "<!--" within a script would end it, or change how the rest is read.
JSON_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def text(value: object) -> str:
    """Returns a value as text that no browser takes for markup, also within an attribute."""
    return html.escape(str(value))


def data_script(value: Any, kind: str) -> str:
    """Returns data for a script of the page, which finds it by its kind."""
    content = json.dumps(json_safe(value), separators=(",", ":"), allow_nan=False)
    for character, escape in JSON_ESCAPES.items():
        content = content.replace(character, escape)
    return f'<script type="application/json" data-kind="{text(kind)}">{content}</script>'


def note(sentence: str, remedy: str = "") -> str:
    """Returns a remark, as on what is missing; `remedy` says how to get it."""
    more = f' <span class="remedy">{words(remedy)}</span>' if remedy else ""
    return f'<p class="note">{words(sentence)}{more}</p>'


def words(sentences: str) -> str:
    """Returns text in which `this` is set as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", text(sentences))


def lead(sentences: str) -> str:
    """Returns a paragraph that explains what follows."""
    return f"<p>{words(sentences)}</p>"


def table(header: Sequence[object], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Returns a table; the first cell of each row is its name. A cell of None stays empty."""
    title = f"<caption>{text(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{text(cell)}</th>' for cell in header)
    body = "".join(_row(row) for row in rows)
    content = f"{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return scrolled(f"<table>{content}</table>", caption or "table")


def scrolled(html: str, label: str, kind: str = "") -> str:
    """Returns HTML that can be scrolled sideways, also by keyboard, where it is too wide."""
    return (
        f'<div class="scroll {kind}" tabindex="0" role="region" aria-label="{text(label)}">'
        f"{html}</div>"
    )


def folded(summary: str, html: str) -> str:
    """Returns HTML behind a line that opens it."""
    return f"<details><summary>{text(summary)}</summary>{html}</details>"


def code(command: str) -> str:
    """Returns a command to copy."""
    return f'<pre class="command" tabindex="0"><code>{text(command)}</code></pre>'


def _row(cells: Sequence[object]) -> str:
    first, *others = ("" if cell is None else text(cell) for cell in cells)
    values = "".join(f"<td>{cell}</td>" for cell in others)
    return f'<tr><th scope="row">{first}</th>{values}</tr>'
