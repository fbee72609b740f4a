"""The verbs: each reads its flags and checks them before it imports what needs JAX."""

import argparse
import dataclasses
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jaxgan import __version__
from jaxgan.bench.request import CASES, QUICK_ROUNDS, ROUNDS, BenchRequest, find_cases
from jaxgan.cli.arguments import (
    ANIMATIONS,
    Parser,
    add_animate_flags,
    add_bench_flags,
    add_distributed_flags,
    add_image_flags,
    add_step_flag,
    add_trust_flag,
    check_bench_files,
    check_evaluated,
    check_output_path,
    check_sample_flags,
    in_flags,
    int_between,
    number_between,
    parse_labels,
    parse_overrides,
    parse_path,
    parse_prepared,
    parse_process_spec,
    parse_sample_output,
    parse_seeds,
)
from jaxgan.cli.messages import align_names, print_text
from jaxgan.cli.train import start_training
from jaxgan.config.errors import EXIT_FAILED, UserError
from jaxgan.config.files import load_config, shipped_configs
from jaxgan.config.jax_env import set_deterministic_flag
from jaxgan.config.schema import Config
from jaxgan.config.seeds import expand_seeds
from jaxgan.export.formats import FORMATS, check_export
from jaxgan.runs import checkpoint_ref, directory
from jaxgan.runs.layout import REPORT
from jaxgan.runs.seed_folders import read_single_config

if TYPE_CHECKING:
    from jaxgan.evaluation.request import EvaluateRequest

WITHOUT_RUN = ("configs", "prepare", "bench")  # verbs that read no run
NUM = 64  # of samples
SEED_HELP = "seed of the latent vectors (default 0)"
DESCRIPTION = """\
`jaxgan` and `python run.py` are the same command. Each verb has its own --help.

train      jaxgan [train] --config mnist [--workdir DIR] [--config.NAME=VALUE ...]
           trains; "train" may be left out. --config takes a file, or the name of a shipped config.
           The same command again resumes; Ctrl-C saves before it stops.
           --config.seeds=4 trains four seeds, --config.seeds=(3,7) these two
           --coordinator HOST:PORT --num_processes N --process_id I: this is process I of N that
           train one run together; --coordinator auto on SLURM or Cloud TPU
configs    jaxgan configs
           lists the shipped configs
prepare    jaxgan prepare --dir PICTURES [--size 64] [...] --out DIR
           decodes a folder or an archive of images once; with --config.data.dir=DIR a run starts
           in seconds
           jaxgan prepare --tfds cifar10 --out DIR
           downloads a data set of TFDS and prepares it
sample     jaxgan sample --workdir DIR [--num 64] [--seed 0] [--step N|best|last] [--labels cat,dog]
           [--per_class N] [--interpolate SEED,SEED] [--truncation T] [--out FILE|DIR/]
           writes generated images as a .png, or one .png each into a folder, or as an .npz: uint8
           NHWC under "images" ("points" for points in the plane), and "labels" for a
           class-conditional run
animate    jaxgan animate --workdir DIR [--walk SEED,SEED | --direction K [--extent S]]
           [--frames N] [--fps 20] [--size N] [--num N] [--seed N] [--step N|best|last]
           [--labels cat,dog] [--out animation.gif]
           the same latents over training, a walk between seeds, or along a direction: .gif, .webp
           or .mp4
evaluate   jaxgan evaluate --workdir DIR [--num_samples N] [--step N|best|last] [--seed 0]
           [--features NAME] [--metrics A,B]
           scores generated images, with the scores of real images beside them; evaluation.json
           jaxgan evaluate --images A --reference B [--out evaluation.json] [...]
           scores any images, in .npz files or folders, against others
compare    jaxgan compare DIR DIR [--no-replay] [--out compare.png]
           exit status 0: same bits; 1: different bits, with the first difference and its reason;
           2: the runs cannot be compared
replay     jaxgan replay --workdir DIR --step N [--out step_N.npz]
           repeats one step: writes its batch, latents, losses and gradients
report     jaxgan report --workdir DIR [DIR ...] [--out report.html] [--open]
           shows how far a run is; for many seeds also the spread of each metric; and writes a page
           to open in a browser: samples, curves, scores, and what differs between several runs
export     jaxgan export --workdir DIR --format jax|onnx|safetensors [--out FILE]
           [--step N|best|last]
           writes the generator in a file for other programs: latents, and labels of a
           class-conditional run, to uint8 images
bench      jaxgan bench [--case A,B | --list] [--rounds 7] [--quick] [--json FILE] [--picture FILE]
           times training, sampling and scoring on this machine, in turn with what computes the
           same: the barest form, matrix products and, where it is installed, PyTorch
"""


def train_verb(argv: list[str]) -> int:
    raw = argparse.RawTextHelpFormatter
    parser = Parser(prog="jaxgan", description=DESCRIPTION, formatter_class=raw)
    parser.add_argument("--config", type=parse_path, metavar="FILE|NAME", help="what to train")
    workdir_help = "the run's folder (default: runs/CONFIG_NAME)"
    parser.add_argument("--workdir", type=parse_path, metavar="DIR", help=workdir_help)
    parser.add_argument("--version", action="version", version=f"jaxgan {__version__}")
    add_trust_flag(parser)
    add_distributed_flags(parser)
    options, rest = parser.parse_known_args(argv)
    # Unknown words come first: one can be a misspelled verb, which then needs no --config.
    overrides = parse_overrides(rest, VERBS)
    if options.config is None:
        raise UserError(
            "--config is needed, such as --config configs/mnist.py or --config mnist; see --help, "
            "or `jaxgan configs`"
        )
    config = expand_seeds(load_config(options.config, overrides))
    workdir = options.workdir or Path("runs") / options.config.stem
    return start_training(config, workdir, parse_process_spec(options, os.environ))


def configs_verb(argv: list[str]) -> int:
    _parser("configs", "Lists the shipped configs.", workdir=False).parse_args(argv)
    print_text("\n".join(align_names(shipped_configs())))
    return 0


def prepare_verb(argv: list[str]) -> int:
    description = "Prepares images once, as a set of TFDS from which a run starts in seconds."
    parser = _parser("prepare", description, workdir=False)
    dir_help = "folder or archive of image files"
    parser.add_argument("--dir", type=parse_path, metavar="PICTURES", help=dir_help)
    parser.add_argument(
        "--tfds", metavar="NAME", help="in its place: a data set of TFDS to download"
    )
    out_help = "new or empty folder for the set; the same command again goes on after a kill"
    parser.add_argument("--out", type=parse_path, required=True, metavar="DIR", help=out_help)
    add_image_flags(parser)
    options = parser.parse_args(argv)
    config = parse_prepared(options)

    from jaxgan.data.prepare import prepare_images
    from jaxgan.data.tfds_download import prepare_download

    try:
        if options.tfds:
            folder = prepare_download(config.name, options.out)
        else:
            folder = prepare_images(config, options.out)
    except UserError as error:
        raise in_flags(error, **({"name": "--tfds"} if options.tfds else {})) from error
    flag = shlex.quote(f"--config.data.dir={options.out}")
    print_text(f"{folder}: prepared; {flag} trains on it")
    return 0


def sample_verb(argv: list[str]) -> int:
    parser = _parser("sample", "Writes images, or points, of a trained generator.")
    parser.add_argument("--num", type=int_between(1), help=f"how many (default {NUM})")
    parser.add_argument("--seed", type=int_between(0), help=SEED_HELP)
    add_step_flag(parser)
    out_help = ".png, .npz, or a folder for a .png of each image (default samples.png)"
    parser.add_argument("--out", default="samples.png", metavar="FILE|DIR/", help=out_help)
    labels_help = "classes to generate, in turn, by name or number (default: all)"
    parser.add_argument("--labels", type=parse_labels, default=(), metavar="A,B", help=labels_help)
    per_class_help = "images of each class, a row of the grid for each; in place of --num"
    parser.add_argument(
        "--per_class", type=int_between(1), default=0, metavar="N", help=per_class_help
    )
    walk_help = "rows that go from the images of one seed to those of the next; in place of --seed"
    parser.add_argument(
        "--interpolate", type=parse_seeds, default=(), metavar="A,B", help=walk_help
    )
    truncation_help = "values of the latents beyond this many standard deviations are drawn again"
    parser.add_argument(
        "--truncation", type=number_between(0, 100), default=0.0, metavar="T", help=truncation_help
    )
    options = parser.parse_args(argv)
    check_sample_flags(options)
    set_deterministic_flag(read_single_config(options.workdir).deterministic)
    # Now, and not after the checkpoint has been read and images have been computed.
    out = parse_sample_output(options.out)

    from jaxgan.cli.sample import sample
    from jaxgan.runs.sample_inputs import SampleChoices

    choices = SampleChoices(
        options.labels, options.per_class, options.interpolate, options.truncation
    )
    num, seed = options.num or NUM, options.seed or 0
    step = sample(options.workdir, options.step, num, seed, out, choices)
    number, whose = (options.per_class, " of each class") if options.per_class else (num, "")
    count = f"{number} sample{'s' * (number > 1)}{whose}"
    seeds = options.interpolate or (seed,)
    words = f"{out}: {count} from step {step}, seed{'s' * (len(seeds) > 1)} "
    words += ", ".join(map(str, seeds))
    if options.truncation:
        words += f", latents truncated to {options.truncation:g} standard deviations"
    print(words)
    return 0


def animate_verb(argv: list[str]) -> int:
    parser = _parser("animate", "Writes an animation of a generator: .gif, .webp or .mp4.")
    add_animate_flags(parser)
    options = parser.parse_args(argv)
    set_deterministic_flag(read_single_config(options.workdir).deterministic)
    check_output_path(options.out, *ANIMATIONS)

    from jaxgan.reports.animation_request import AnimateRequest

    names = (field.name for field in dataclasses.fields(AnimateRequest))
    request = AnimateRequest(**{name: getattr(options, name) for name in names})

    from jaxgan.reports.animation import animate

    print_text(f"{options.out}: {animate(options.workdir, request, options.out)}")
    return 0


def evaluate_verb(argv: list[str]) -> int:
    description = "Scores a trained generator, or any images, with real images as the baseline."
    parser = _parser("evaluate", description, workdir=False)
    parser.add_argument("--workdir", type=parse_path, metavar="DIR", help="the run's folder")
    file_or_folder = "an .npz file, or a folder or an archive of image files"
    parser.add_argument(
        "--images", type=parse_path, metavar="A", help=f"in place of a run: {file_or_folder}"
    )
    reference_help = f"real images to compare --images with: {file_or_folder}"
    parser.add_argument("--reference", type=parse_path, metavar="B", help=reference_help)
    out_help = "scores of --images (default evaluation.json)"
    parser.add_argument("--out", type=parse_path, metavar="FILE", help=out_help)
    num_help = "number of images in each set (default: what the protocol says and the data has)"
    parser.add_argument("--num_samples", type=int_between(1), default=0, help=num_help)
    add_step_flag(parser)
    parser.add_argument("--seed", type=int_between(0), default=0, help=SEED_HELP)
    features_help = "feature net: a name, or package.module:function (default: the data set's)"
    parser.add_argument("--features", default="", metavar="NAME", help=features_help)
    parser.add_argument("--metrics", default="", metavar="A,B", help="default: all of them")
    options = parser.parse_args(argv)
    check_evaluated(options)
    if options.workdir:
        return _evaluate_run(options)
    out = options.out or Path("evaluation.json")
    check_output_path(out, ".json")

    from jaxgan.evaluation.evaluate_images import evaluate_images
    from jaxgan.evaluation.text_table import table

    request = _evaluate_request(options)
    print_text(table(evaluate_images(options.images, options.reference, request, out)))
    print(f"\n{out}: the same in full")
    return 0


def _evaluate_run(options: argparse.Namespace) -> int:
    config = directory.read_config(options.workdir)
    set_deterministic_flag(config.deterministic)

    from jaxgan.evaluation.evaluate import evaluate_run
    from jaxgan.evaluation.evaluate_seeds import evaluate_seeds
    from jaxgan.evaluation.text_table import table, table_of_seeds
    from jaxgan.runs.best_checkpoint import describe_distances, held_out_distances

    request = _evaluate_request(options)
    if config.seeds:
        print_text(table_of_seeds(evaluate_seeds(options.workdir, request)))
    else:
        print_text(table(evaluate_run(options.workdir, request)))
        if distances := held_out_distances(options.workdir):
            print_text(f"\nduring training: {describe_distances(*distances)}")
    print(f"\n{options.workdir / checkpoint_ref.evaluation_file(options.step)}: the same in full")
    return 0


def _evaluate_request(options: argparse.Namespace) -> "EvaluateRequest":
    from jaxgan.evaluation.request import EvaluateRequest

    return EvaluateRequest(
        num_samples=options.num_samples,
        step=options.step,
        seed=options.seed,
        features=options.features,
        metrics=tuple(name.strip() for name in options.metrics.split(",") if name.strip()),
    )


def compare_verb(argv: list[str]) -> int:
    parser = _parser("compare", "Compares the bits of two runs.", workdir=False)
    parser.add_argument("runs", type=parse_path, nargs=2, metavar="DIR", help="the folder of a run")
    yes_no = argparse.BooleanOptionalAction
    replay_help = "repeat steps to find the first differing array (default: yes)"
    parser.add_argument("--replay", action=yes_no, default=True, help=replay_help)
    out_help = "plot of how the runs diverge (default compare.png)"
    parser.add_argument("--out", type=parse_path, default=Path("compare.png"), help=out_help)
    options = parser.parse_args(argv)
    configs = [directory.read_config(workdir) for workdir in options.runs]
    check_output_path(options.out, ".png")
    set_deterministic_flag(any(config.deterministic for config in configs))

    from jaxgan.reproducibility.compare import compare

    first, second = options.runs
    return 0 if compare(first, second, options.out, print_text, options.replay) else EXIT_FAILED


def replay_verb(argv: list[str]) -> int:
    parser = _parser("replay", "Repeats one step of a run.")
    step_help = "the step, counted from 1"
    parser.add_argument("--step", type=int_between(1), required=True, metavar="N", help=step_help)
    parser.add_argument("--out", type=parse_path, help=".npz (default: step_N.npz)")
    options = parser.parse_args(argv)
    set_deterministic_flag(read_single_config(options.workdir).deterministic)
    out = options.out or Path(f"step_{options.step}.npz")
    check_output_path(out, ".npz")

    from jaxgan.reproducibility.replay import replay_step, rounding_reason

    differing = replay_step(options.workdir, options.step, out)
    print(f"{out}: batch, latents, losses and gradients of step {options.step}, ", end="")
    if differing:
        print(f"which differ from the run's ledger in {', '.join(differing)}")
        if reason := rounding_reason(options.workdir):
            print(reason)
        return EXIT_FAILED
    print("with the bits that the run's ledger has")
    return 0


def report_verb(argv: list[str]) -> int:
    description = (
        "Shows how far runs are, and writes a page that shows all that their folders hold."
    )
    parser = _parser("report", description, workdir=False)
    folder_help = "the run's folder, or those of several runs to compare"
    parser.add_argument(
        "--workdir", type=parse_path, nargs="+", required=True, metavar="DIR", help=folder_help
    )
    out_help = f"the page (default: {REPORT}, in the run's folder if there is one run)"
    parser.add_argument("--out", type=parse_path, metavar="FILE", help=out_help)
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    options = parser.parse_args(argv)
    workdirs = list(dict.fromkeys(options.workdir))
    for workdir in workdirs:
        directory.read_config(workdir)
    out = options.out or (workdirs[0] / REPORT if len(workdirs) == 1 else Path(REPORT))
    check_output_path(out, ".html")

    import webbrowser

    from jaxgan.cli.report import report

    report(workdirs, out)
    if options.open and not webbrowser.open(out.absolute().as_uri()):
        print_text("no browser was found to open it")
    return 0


def export_verb(argv: list[str]) -> int:
    parser = _parser("export", "Writes a trained generator in a file for other programs.")
    format_help = "jax: a program of jax.export; onnx: a model; safetensors: the weights"
    parser.add_argument("--format", required=True, choices=FORMATS, help=format_help)
    out_help = "the new file (default: generator.FORMAT)"
    parser.add_argument("--out", type=parse_path, metavar="FILE", help=out_help)
    add_step_flag(parser)
    options = parser.parse_args(argv)
    set_deterministic_flag(read_single_config(options.workdir).deterministic)
    suffix = FORMATS[options.format].suffix
    out = options.out or Path(f"generator{suffix}")
    check_output_path(out, suffix)
    check_export(options.format, out)

    from jaxgan.export.export_run import export_run

    step = export_run(options.workdir, options.format, out, options.step)
    print(f"{out}: the generator at step {step}")
    return 0


def bench_verb(argv: list[str]) -> int:
    description = "Times this machine, in turn with what computes the same."
    parser = _parser("bench", description, workdir=False)
    add_bench_flags(parser)
    options = parser.parse_args(argv)
    if options.list:
        print_text("\n".join(align_names(CASES)))
        return 0
    cases = find_cases(options.case)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    check_bench_files(options, cases)
    # As a run has it, unless the user says otherwise in XLA_FLAGS.
    set_deterministic_flag(Config.deterministic)

    from jaxgan.bench.run import failed_cases, run_bench

    command = shlex.join(["jaxgan", "bench", *argv])
    request = BenchRequest(cases, rounds, options.quick)
    record = run_bench(request, command, print_text, options.json, options.picture)
    if options.json:
        print_text(f"\n{options.json}: all of it, with the timings of each round")
    return EXIT_FAILED if failed_cases(record) else 0


def _parser(verb: str, description: str, workdir: bool = True) -> Parser:
    parser = Parser(prog=f"jaxgan {verb}", description=description)
    if workdir:
        help_text = "the run's folder"
        parser.add_argument(
            "--workdir", type=parse_path, required=True, metavar="DIR", help=help_text
        )
    if verb not in WITHOUT_RUN:
        add_trust_flag(parser)
    return parser


VERBS: dict[str, Callable[[list[str]], int]] = {
    "train": train_verb,
    "configs": configs_verb,
    "prepare": prepare_verb,
    "sample": sample_verb,
    "animate": animate_verb,
    "evaluate": evaluate_verb,
    "compare": compare_verb,
    "replay": replay_verb,
    "report": report_verb,
    "export": export_verb,
    "bench": bench_verb,
}
