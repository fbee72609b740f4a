"""What the command line's flags may be: how each kind is read, and what is said of a wrong one."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from jaxgan import selection
from jaxgan.config import UserError


class Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise UserError(f"{message}; see --help")


def overrides(arguments: list[str], verbs: Iterable[str]) -> list[tuple[str, str]]:
    """(name, text) of every --config.NAME=TEXT or --config.NAME TEXT."""
    found, rest = [], list(arguments)
    while rest:
        flag = rest.pop(0)
        name, equals, text = flag.partition("=")
        if not name.startswith("--config."):
            raise UserError(
                f"unknown argument {flag!r}; verbs: {', '.join(verbs)}; flags: --config FILE, "
                "--workdir DIR, --config.NAME=VALUE; see --help"
            )
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise UserError(f"{name}: needs a value, as in {name}=VALUE")
            text = rest.pop(0)
        found.append((name.removeprefix("--config."), text))
    return found


def whole(low: int, high: int = 2**32 - 1) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: must be a whole number, {low} to {high}")
        return value

    return read


def label_list(text: str) -> tuple[int, ...]:
    return tuple(map(whole(0), text.split(",")))


def check_out(out: Path, *suffixes: str) -> None:
    if out.suffix not in suffixes:
        raise UserError(f"--out {out}: must end in {' or '.join(suffixes)}")
    if out.is_dir():
        raise UserError(f"--out {out}: is a folder")
    if not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: the folder {out.parent} does not exist")


def add_step(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--step",
        type=lambda text: selection.NAMES[text] if text in selection.NAMES else whole(0)(text),
        default=selection.LAST,
        metavar="N|best|last",
        help="of the checkpoint: a number, best (by held-out distance), or last (default)",
    )
