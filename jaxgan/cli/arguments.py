"""Reads and checks flags; a wrong one raises a UserError."""

import argparse
import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from jaxgan.bench.request import QUICK_ROUNDS, ROUNDS, check_picture
from jaxgan.config.errors import UserError
from jaxgan.config.fields import check_setting, parse_literal
from jaxgan.config.import_paths import is_import_path, trust
from jaxgan.config.paths import expand_path
from jaxgan.config.schema import DataConfig
from jaxgan.parallel.initialize import AUTO, DISTRIBUTED_ENV_VARS, ProcessSpec

# The environment variable that stands in for each flag of several processes.
VARIABLES = dict(
    zip(("coordinator", "num_processes", "process_id"), DISTRIBUTED_ENV_VARS, strict=True)
)

SAMPLE_FILES = (".png", ".npz")
# Of config.data, for image files.
IMAGE_SETTINGS = ("size", "fit", "channels", "background", "skip_bad", "held_out")
ANIMATIONS = (".gif", ".webp", ".mp4")


class Parser(argparse.ArgumentParser):
    """Raises where argparse would print and exit."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see --help")


def parse_overrides(arguments: list[str], verbs: Iterable[str]) -> list[tuple[str, str]]:
    """Returns (name, text) for every --config.NAME=TEXT or --config.NAME TEXT.

    Raises:
      UserError: another argument, or a setting without a value.
    """
    overrides, rest = [], list(arguments)
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
        overrides.append((name.removeprefix("--config."), text))
    return overrides


def int_between(low: int, high: int = 2**32 - 1) -> Callable[[str], int]:
    """Returns a reader of whole numbers for argparse; the default bound is the largest seed."""

    def read(text: str) -> int:
        try:
            value = int(text)
        # A text that is no number gets the same message as a number that is not allowed.
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: must be a whole number, {low} to {high}")
        return value

    return read


def number_between(low: float, high: float) -> Callable[[str], float]:
    """Returns a reader of numbers above `low`, up to `high`, for argparse."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = low
        # Not `value <= low`, which is false of NaN.
        if not low < value <= high:
            allowed = f"must be a number above {low:g}, up to {high:g}"
            raise argparse.ArgumentTypeError(f"{text!r}: {allowed}")
        return value

    return read


def parse_seeds(text: str) -> tuple[int, ...]:
    """Reads "1,2,3" as seeds, at least two."""
    seeds = tuple(int_between(0)(seed.strip()) for seed in text.split(","))
    if len(seeds) < 2:
        raise argparse.ArgumentTypeError(f"{text!r}: must be at least two seeds, such as 1,2,3")
    return seeds


def parse_path(text: str) -> Path:
    """Reads a path for argparse, which shows the message of its own error only."""
    try:
        return expand_path(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse_labels(text: str) -> tuple[str, ...]:
    """Reads "cat,dog" or "3,5" as names; only the run knows whether they are numbers."""
    labels = tuple(filter(None, (label.strip() for label in text.split(","))))
    # Without a label, all classes would be generated.
    if not labels:
        raise argparse.ArgumentTypeError(f"{text!r}: must be classes, such as cat,dog")
    return labels


def trust_paths(text: str) -> tuple[str, ...]:
    """Reads import paths for argparse, and allows to import them from now on."""
    paths = tuple(path.strip() for path in text.split(","))
    for path in paths:
        if not is_import_path(path):
            raise argparse.ArgumentTypeError(f"{path!r}: must be package.module:function")
    trust(*paths)
    return paths


def add_trust_flag(parser: argparse.ArgumentParser) -> None:
    trust_help = "code of your own that the run's record names, to be run: package.module:function"
    parser.add_argument("--trust", type=trust_paths, default=(), metavar="A,B", help=trust_help)


def check_output_path(out: Path, *suffixes: str, flag: str = "--out") -> None:
    """Raises UserError if such a file cannot be written, or not in one of these formats."""
    if out.suffix not in suffixes:
        raise UserError(f"{flag} {out}: must end in {' or '.join(suffixes)}")
    if out.is_dir():
        raise UserError(f"{flag} {out}: is a folder")
    if not out.absolute().parent.is_dir():
        raise UserError(f"{flag} {out}: the folder {out.parent} does not exist")


def parse_sample_output(text: str) -> Path:
    """Returns the path of a .png, of an .npz, or of a folder that is new or empty.

    Raises:
      UserError: it is none of them, or cannot be written.
    """
    out = expand_path(text)
    if not (text.endswith(os.sep) or out.is_dir()):
        if out.suffix not in SAMPLE_FILES:
            raise UserError(f"--out {text}: must end in .png or .npz, or in / for a folder")
        check_output_path(out, *SAMPLE_FILES)
        return out
    if out.suffix in SAMPLE_FILES:
        raise UserError(f"--out {text}: is a folder; its name must not end in {out.suffix}")
    # What is there already could not be told from the new images.
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {text}: is not an empty folder; choose a new one")
    if not out.absolute().parent.is_dir():
        raise UserError(f"--out {text}: the folder {out.parent} does not exist")
    # A new folder takes its place, so that there are all images or none.
    if out.is_dir() and (os.path.ismount(out) or out.samefile(os.curdir)):
        what = "the root of a file system" if os.path.ismount(out) else "the current folder"
        raise UserError(f"--out {text}: is {what}; name a folder in it, such as {out / 'samples'}/")
    return out


def check_sample_flags(options: argparse.Namespace) -> None:
    """Raises UserError if two flags contradict each other about the images or their latents."""
    for name, other, why in (
        ("per_class", "num", "gives the number of images"),
        ("per_class", "interpolate", "has the rows of another grid"),
        ("interpolate", "seed", "gives the seeds"),
    ):
        value, given = getattr(options, name), getattr(options, other)
        if value and given not in (None, ()):
            raise UserError(f"--{other} beside --{name}, which {why}: leave one of them out")


def check_evaluated(options: argparse.Namespace) -> None:
    """Raises UserError unless either a run or images, which exist, are to be evaluated."""
    either = "evaluate needs either --workdir DIR, or --images A --reference B; see --help"
    if options.workdir:
        names = ("images", "reference", "out")
        if given := [f"--{name}" for name in names if getattr(options, name)]:
            raise UserError(f"{given[0]} beside --workdir: {either}")
        return
    if not (options.images and options.reference):
        raise UserError(either)
    if options.step != "last":
        raise UserError(f"--step {options.step}: images have no steps; leave it out")
    for name in ("images", "reference"):
        if not (path := getattr(options, name)).exists():
            raise UserError(f"--{name} {path}: does not exist; name an .npz file or a folder")


def add_step_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--step",
        type=lambda text: text if text in ("last", "best") else int_between(0)(text),
        default="last",
        metavar="N|best|last",
        help="checkpoint: its step, best (lowest distance to the test set) or last (default)",
    )


def add_image_flags(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for each setting of config.data that says what becomes of image files."""
    group = parser.add_argument_group("settings of config.data, under their names")
    for field in dataclasses.fields(DataConfig):
        if field.name in IMAGE_SETTINGS:
            read, meaning = _setting_reader(field), field.metadata["meaning"]
            alone: dict[str, Any] = {"nargs": "?", "const": True} if field.type is bool else {}
            flag = f"--{field.name}"
            group.add_argument(flag, type=read, default=field.default, help=meaning, **alone)


def _setting_reader(field: dataclasses.Field) -> Callable[[str], Any]:
    """Returns a reader of a setting's values for argparse."""

    def read(text: str) -> Any:
        value = text if field.type is str else parse_literal(text)
        try:
            check_setting(field.name, field, value)
        except UserError as error:
            allowed = str(error).removeprefix(f"config.{field.name} = ")
            raise argparse.ArgumentTypeError(allowed) from None
        return value

    return read


def parse_prepared(options: argparse.Namespace) -> DataConfig:
    """Returns the data that `prepare` is to prepare.

    Raises:
      UserError: neither images nor a set of TFDS are named, or both, or what TFDS cannot do.
    """
    settings = {name: getattr(options, name) for name in IMAGE_SETTINGS}
    if bool(options.dir) == bool(options.tfds):
        raise UserError("prepare needs either --dir PICTURES or --tfds NAME; see --help")
    if options.dir:
        return DataConfig(dir=str(options.dir), **settings)
    if changed := [name for name in settings if settings[name] != getattr(DataConfig, name)]:
        raise UserError(
            f"--{changed[0]} beside --tfds: a set of TFDS is prepared as it is published; leave it "
            "out"
        )
    return DataConfig(options.tfds, dir=str(options.out))


def in_flags(error: UserError, **flags: str) -> UserError:
    """Returns an error whose text names flags where it named settings of config.data.

    A text that names the flag of a setting, such as --config.data.dir, speaks of another command.

    Args:
      flags: the flag of a setting, if it is not called like it.
    """
    text = str(error)
    for name, flag in flags.items():
        text = text.replace(f"config.data.{name}", flag)
    return UserError(re.sub(r"(?<!--)config\.data\.", "--", text))


def add_animate_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    walk_help = "seeds between whose images it goes, and back to the first"
    add("--walk", type=parse_seeds, default=(), metavar="A,B,C", help=walk_help)
    direction_help = "direction of the first layer along which the latents move, 0: the strongest"
    add("--direction", type=int_between(0), metavar="K", help=direction_help)
    extent_help = "how far along the direction, in standard deviations (default 3)"
    add("--extent", type=number_between(0, 1000), default=3.0, metavar="S", help=extent_help)
    frames_help = "number of frames (default: all checkpoints of the training, or 60)"
    add("--frames", type=int_between(2, 10_000), default=0, metavar="N", help=frames_help)
    add("--fps", type=int_between(1, 50), default=20, help="frames per second (default 20)")
    size_help = "pixels for each pixel of an image; for points, the side of the picture"
    add("--size", type=int_between(1, 4096), default=0, metavar="N", help=size_help)
    num_help = "images in a frame (default: 16, or those of the run's sample grids)"
    add("--num", type=int_between(1), default=0, metavar="N", help=num_help)
    add_step_flag(parser)
    seed_help = "seed of the latents (default: the run's, which gives those of its sample grids)"
    add("--seed", type=int_between(0), metavar="N", help=seed_help)
    labels_help = "classes to generate, in turn, by name or number (default: all)"
    add("--labels", type=parse_labels, default=(), metavar="A,B", help=labels_help)
    out_help = ".gif, .webp or, with imageio-ffmpeg, .mp4 (default animation.gif)"
    add("--out", type=parse_path, default=Path("animation.gif"), metavar="FILE", help=out_help)


def add_bench_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--case", default="", metavar="A,B", help="what to measure (default: all cases)")
    add("--list", action="store_true", help="list the cases, and measure nothing")
    rounds_help = f"timings of each variant (default {ROUNDS}, with --quick {QUICK_ROUNDS})"
    add("--rounds", type=int_between(1, 1000), metavar="N", help=rounds_help)
    quick_help = "few steps and small sizes: a first look, too rough to compare"
    add("--quick", action="store_true", help=quick_help)
    json_help = "new file for all results: each round, versions, machine, command"
    add("--json", type=parse_path, metavar="FILE", help=json_help)
    picture_help = "new .png of the cost against batch size, width, seeds and data"
    add("--picture", type=parse_path, metavar="FILE", help=picture_help)


def check_bench_files(options: argparse.Namespace, cases: tuple[str, ...]) -> None:
    """Raises UserError if a file cannot be written, or exists, or no case has a curve to draw."""
    for name, suffix in (("json", ".json"), ("picture", ".png")):
        if not (path := getattr(options, name)):
            continue
        check_output_path(path, suffix, flag=f"--{name}")
        # Hours of measuring may be in it.
        if path.exists():
            raise UserError(f"--{name} {path}: exists already; remove it, or choose another name")
    if options.picture:
        check_picture(cases)


def add_distributed_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("several processes that train one run").add_argument
    address_help = "address of process 0; auto on SLURM or Cloud TPU"
    add("--coordinator", metavar="HOST:PORT|auto", help=address_help)
    add("--num_processes", metavar="N", type=int_between(1), help="how many processes there are")
    add("--process_id", metavar="I", type=int_between(0), help="index of this process, from 0")


def parse_process_spec(
    options: argparse.Namespace, environ: Mapping[str, str]
) -> ProcessSpec | None:
    """Returns this process's index and the number of processes; None for a run of one process.

    A flag goes before its environment variable.

    Raises:
      UserError: the values are incomplete, not allowed, or contradict each other.
    """
    if options.coordinator == AUTO:
        if options.num_processes is not None or options.process_id is not None:
            raise UserError("--coordinator auto: finds --num_processes and --process_id itself")
        return ProcessSpec(AUTO)
    values = {name: _flag_or_variable(options, environ, name) for name in VARIABLES}
    given = {name: value for name, value in values.items() if value is not None}
    if not given:
        return None
    # Two of the three would let this process wait for others that never come.
    if missing := [f"--{name} ({VARIABLES[name]})" for name in VARIABLES if name not in given]:
        present = ", ".join(f"{name} = {value}" for name, value in given.items())
        raise UserError(f"{present}: {' and '.join(missing)} must be given too")
    address, count, index = given.values()
    # From the right, since an IPv6 address holds colons itself.
    _, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal() and 0 < int(port) < 2**16):
        raise UserError(f"--coordinator {address}: must be HOST:PORT, or auto")
    if index >= count:
        raise UserError(f"--process_id {index}: must be 0 to {count - 1}, below --num_processes")
    return ProcessSpec(address, count, index)


def _flag_or_variable(options: argparse.Namespace, environ: Mapping[str, str], name: str) -> Any:
    value, text = getattr(options, name), environ.get(VARIABLES[name])
    if value is not None or not text:
        return value
    if name == "coordinator":
        return text
    try:
        return int_between(0 if name == "process_id" else 1)(text)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"{VARIABLES[name]}: {error}") from None
