"""The reference page of all settings: `python -m jaxgan.config.reference` prints it."""

from jaxgan.config.fields import TYPE_NAMES, iter_settings
from jaxgan.config.schema import Config

HEADER = """\
| setting | default | allowed | meaning | on resume |
|---|---|---|---|---|"""


def settings_table() -> str:
    """Returns a Markdown table with one row per setting, from their declarations."""
    rows = [HEADER]
    for name, field, default in iter_settings(Config()):
        allowed = field.metadata["check"].allowed or TYPE_NAMES[field.type]
        resume = "may change" if field.metadata["may_change"] else "must stay"
        cells = (f"`{name}`", f"`{default!r}`", allowed, field.metadata["meaning"], resume)
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(settings_table())
