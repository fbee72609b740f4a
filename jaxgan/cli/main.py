"""The command line: verbs and flags. JAX is imported once flags, config and folder are valid."""

import argparse
import errno
import functools
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from jaxgan import __version__
from jaxgan.cli.arguments import (
    Parser,
    add_distributed_flags,
    add_step_flag,
    check_output_path,
    int_between,
    parse_labels,
    parse_overrides,
    parse_process_spec,
)
from jaxgan.cli.messages import print_error, show_log
from jaxgan.cli.train import start_training
from jaxgan.config.errors import EXIT_FAILED, EXIT_USAGE, UserError
from jaxgan.config.files import load_config
from jaxgan.config.jax_env import set_compile_cache, set_deterministic_flag
from jaxgan.config.seeds import expand_seeds
from jaxgan.parallel.initialize import run_and_shutdown
from jaxgan.runs import checkpoint_ref, directory
from jaxgan.runs.seed_folders import read_single_config

logger = logging.getLogger(__name__)
DESCRIPTION = """\
train (no verb):  run.py --config configs/mnist.py [--workdir DIR] [--config.NAME=VALUE ...]
                  the same command again resumes; Ctrl-C saves first
                  --config.seeds=4: a run for each of so many seeds, or of those of a tuple
                  --coordinator HOST:PORT --num_processes N --process_id I: one of N processes
                  that train together; --coordinator auto on SLURM or Cloud TPU
sample:           run.py sample --workdir DIR [--num 64] [--seed 0] [--step N|best|last]
                  [--labels 3,5] [--out FILE]; a .png, or an .npz with uint8 NHWC under
                  "images" (points: "points"), and the labels of a class-conditional run
evaluate:         run.py evaluate --workdir DIR [--num_samples N] [--step N|best|last]
                  [--seed 0] [--features NAME] [--metrics A,B]
                  distances, coverage and classes beside the real images' own; evaluation.json
compare:          run.py compare DIR DIR [--no-replay] [--out compare.png]
                  exit 0: the same bits; 1: not, and where they part and why; 2: cannot compare
replay:           run.py replay --workdir DIR --step N [--out step_N.npz]
                  a step again: its batch, latents, losses and gradients
report:           run.py report --workdir DIR
                  where a run stands; of many seeds, each figure's spread over them
bench:            run.py bench
                  time of a step against the machine's matrix products
"""


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    return run_and_shutdown(functools.partial(_status, sys.argv[1:] if argv is None else argv))


def _status(argv: list[str]) -> int:
    verb, rest = (argv[0], argv[1:]) if argv and argv[0] in VERBS else ("train", argv)
    show_log()
    if words := set_compile_cache():
        logger.warning(words)
    try:
        return VERBS[verb](rest)
    except UserError as error:
        return print_error(str(error), EXIT_USAGE)
    except BrokenPipeError:  # nobody reads our standard output any more, `head` for instance
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        if error.errno == errno.ENOSPC:
            return print_error(
                f"{where}the disk is full; free some space, then repeat the command", EXIT_USAGE
            )
        return print_error(f"{where}{error.strerror or error}", EXIT_USAGE)


def train_command(argv: list[str]) -> int:
    parser = Parser(
        prog="run.py", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="a file with get_config()")
    parser.add_argument("--workdir", type=Path, metavar="DIR", help="default: runs/CONFIG_NAME")
    parser.add_argument("--version", action="version", version=f"jaxgan {__version__}")
    add_distributed_flags(parser)
    options, unknown = parser.parse_known_args(argv)
    asked = parse_overrides(unknown, VERBS)
    if options.config is None:
        raise UserError("--config FILE is needed, such as --config configs/mnist.py; see --help")
    config = expand_seeds(load_config(options.config, asked))
    workdir = options.workdir or Path("runs") / options.config.stem
    return start_training(config, workdir, parse_process_spec(options, os.environ))


def sample_command(argv: list[str]) -> int:
    parser = Parser(prog="run.py sample", description="Writes images of a trained generator.")
    parser.add_argument("--workdir", type=Path, required=True, metavar="DIR")
    parser.add_argument("--num", type=int_between(1), default=64, help="how many (default 64)")
    parser.add_argument("--seed", type=int_between(0), default=0, help="of the latents (default 0)")
    add_step_flag(parser)
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help=".png or .npz")
    parser.add_argument(
        "--labels",
        type=parse_labels,
        default=(),
        metavar="3,5",
        help="asked for in turn (default: all)",
    )
    options = parser.parse_args(argv)
    set_deterministic_flag(read_single_config(options.workdir).deterministic)
    out, num, seed = options.out, options.num, options.seed
    check_output_path(out, ".png", ".npz")

    from jaxgan.cli.sample import sample

    step = sample(options.workdir, options.step, num, seed, out, options.labels)
    print(f"{out}: {num} images from step {step}, seed {seed}")
    return 0


def evaluate_command(argv: list[str]) -> int:
    parser = Parser(prog="run.py evaluate", description="Scores a trained generator.")
    parser.add_argument("--workdir", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--num_samples",
        type=int_between(1),
        default=0,
        help="in each set; default: its protocol's",
    )
    add_step_flag(parser)
    parser.add_argument("--seed", type=int_between(0), default=0, help="of the latents (default 0)")
    parser.add_argument("--features", default="", metavar="NAME", help="default: the data's own")
    parser.add_argument("--metrics", default="", metavar="A,B", help="default: all of them")
    options = parser.parse_args(argv)
    config = directory.read_config(options.workdir)
    set_deterministic_flag(config.deterministic)

    from jaxgan.evaluation.evaluate import evaluate
    from jaxgan.evaluation.evaluate_seeds import evaluate_seeds, table_of_seeds
    from jaxgan.evaluation.table import table
    from jaxgan.runs.best_checkpoint import describe_distances, held_out_distances

    metrics = [name.strip() for name in options.metrics.split(",") if name.strip()]
    asked = (options.num_samples, options.step, options.seed, options.features, metrics)
    if config.seeds:
        print(table_of_seeds(evaluate_seeds(options.workdir, *asked)))
    else:
        print(table(evaluate(options.workdir, *asked)))
    if not config.seeds and (distances := held_out_distances(options.workdir)):
        print(f"\nduring training: {describe_distances(*distances)}")
    print(f"\n{options.workdir / checkpoint_ref.evaluation_file(options.step)}: the same in full")
    return 0


def compare_command(argv: list[str]) -> int:
    parser = Parser(prog="run.py compare", description="Says whether two runs have the same bits.")
    parser.add_argument("runs", type=Path, nargs=2, metavar="DIR")
    parser.add_argument(
        "--replay", action=argparse.BooleanOptionalAction, default=True, help="to find the leaf"
    )
    parser.add_argument("--out", type=Path, default=Path("compare.png"), help="how they part")
    options = parser.parse_args(argv)
    configs = [directory.read_config(workdir) for workdir in options.runs]
    check_output_path(options.out, ".png")
    set_deterministic_flag(any(config.deterministic for config in configs))

    from jaxgan.reproducibility.compare import compare

    first, second = options.runs
    return compare(first, second, options.out, options.replay)


def replay_command(argv: list[str]) -> int:
    parser = Parser(prog="run.py replay", description="Does one step of a run again.")
    parser.add_argument("--workdir", type=Path, required=True, metavar="DIR")
    parser.add_argument("--step", type=int_between(1), required=True, metavar="N", help="from 1")
    parser.add_argument("--out", type=Path, help=".npz (default: step_N.npz)")
    options = parser.parse_args(argv)
    set_deterministic_flag(read_single_config(options.workdir).deterministic)
    out = options.out or Path(f"step_{options.step}.npz")
    check_output_path(out, ".npz")

    from jaxgan.reproducibility.replay import replay_step, rounding_reason

    differing = replay_step(options.workdir, options.step, out)
    print(f"{out}: batch, latents, losses and gradients of step {options.step}, ", end="")
    if differing:
        print(f"which differ from the run's ledger in {', '.join(differing)}")
        if why := rounding_reason(options.workdir):
            print(why)
        return EXIT_FAILED
    print("with the bits that the run's ledger has")
    return 0


def report_command(argv: list[str]) -> int:
    parser = Parser(prog="run.py report", description="Says where a run, or many seeds, stand.")
    parser.add_argument("--workdir", type=Path, required=True, metavar="DIR")
    options = parser.parse_args(argv)
    directory.read_config(options.workdir)

    from jaxgan.runs.report import report as report_run

    print(report_run(options.workdir))
    return 0


def bench_command(argv: list[str]) -> int:
    Parser(
        prog="run.py bench", description="Times the steps of the classic GAN and of a DCGAN here."
    ).parse_args(argv)

    from jaxgan.cli.bench import bench

    bench()
    return 0


VERBS: dict[str, Callable[[list[str]], int]] = {
    "train": train_command,
    "sample": sample_command,
    "evaluate": evaluate_command,
    "compare": compare_command,
    "replay": replay_command,
    "report": report_command,
    "bench": bench_command,
}
