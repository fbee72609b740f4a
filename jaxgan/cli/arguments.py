"""What the command line's flags may be: how each kind is read, and what is said of a wrong one."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from jaxgan.config.errors import UserError
from jaxgan.parallel.initialize import AUTO, DISTRIBUTED_ENV_VARS, ProcessSpec

# The environment variable that stands in for each flag of several processes.
VARIABLES = dict(
    zip(("coordinator", "num_processes", "process_id"), DISTRIBUTED_ENV_VARS, strict=True)
)


class Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise UserError(f"{message}; see --help")


def parse_overrides(arguments: list[str], verbs: Iterable[str]) -> list[tuple[str, str]]:
    """(name, text) of every --config.NAME=TEXT or --config.NAME TEXT."""
    found, rest = [], list(arguments)
    while rest:
        flag = rest.pop(0)
        name, equals, text = flag.partition("=")
        if not name.startswith("--config."):
            raise UserError(
                f"unknown argument {flag!r}; verbs: {', '.join(verbs)}; flags: --config FILE|NAME, "
                "--workdir DIR, --config.NAME=VALUE; see --help"
            )
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise UserError(f"{name}: needs a value, as in {name}=VALUE")
            text = rest.pop(0)
        found.append((name.removeprefix("--config."), text))
    return found


def int_between(low: int, high: int = 2**32 - 1) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: must be a whole number, {low} to {high}")
        return value

    return read


def parse_labels(text: str) -> tuple[int, ...]:
    return tuple(map(int_between(0), text.split(",")))


def check_output_path(out: Path, *suffixes: str) -> None:
    if out.suffix not in suffixes:
        raise UserError(f"--out {out}: must end in {' or '.join(suffixes)}")
    if out.is_dir():
        raise UserError(f"--out {out}: is a folder")
    if not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: the folder {out.parent} does not exist")


def add_step_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--step",
        type=lambda text: text if text in ("last", "best") else int_between(0)(text),
        default="last",
        metavar="N|best|last",
        help="of the checkpoint: a number, best (by held-out distance), or last (default)",
    )


def add_distributed_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--coordinator", metavar="HOST:PORT|auto", help="of several processes: where process 0 is"
    )
    parser.add_argument(
        "--num_processes", metavar="N", type=int_between(1), help="that share the run"
    )
    parser.add_argument(
        "--process_id", metavar="I", type=int_between(0), help="of this one, from 0"
    )


def parse_process_spec(
    options: argparse.Namespace, environ: Mapping[str, str]
) -> ProcessSpec | None:
    """From flags or else environment; None where one process trains by itself.

    Raises:
      UserError: they are incomplete, contradict each other, or name no place.
    """
    if options.coordinator == AUTO:
        if options.num_processes is not None or options.process_id is not None:
            raise UserError("--coordinator auto: finds --num_processes and --process_id itself")
        return ProcessSpec(AUTO)
    given = {name: _given(options, environ, name) for name in VARIABLES}
    if all(value is None for value in given.values()):
        return None
    if lacking := [f"--{name} ({VARIABLES[name]})" for name in VARIABLES if given[name] is None]:
        there = ", ".join(f"{name} = {value}" for name, value in given.items() if value is not None)
        raise UserError(f"{there}: {' and '.join(lacking)} must be given too")
    address, count, index = given.values()
    _, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal() and 0 < int(port) < 2**16):
        raise UserError(f"--coordinator {address}: must be HOST:PORT, or auto")
    if index >= count:
        raise UserError(f"--process_id {index}: must be 0 to {count - 1}, below --num_processes")
    return ProcessSpec(address, count, index)


def _given(options: argparse.Namespace, environ: Mapping[str, str], name: str):
    value = getattr(options, name)
    text = environ.get(VARIABLES[name])
    if value is not None or not text:
        return value
    try:
        return (
            text if name == "coordinator" else int_between(0 if name == "process_id" else 1)(text)
        )
    except argparse.ArgumentTypeError as error:
        raise UserError(f"{VARIABLES[name]}: {error}") from None
