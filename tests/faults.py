"""Disturbs runs in every way and at any moment, starts each again until it is done, and compares
every byte with a run that was never disturbed.

python -m tests.faults --minutes 60 --seed 0

Each trial is one run of one config, with one to four faults of `tests.fault_kinds`, each during a
start of its own; the last start is left alone. The faults of trial N depend on the seed and on N
only. After each start the exit status must be one that the fault allows, an error must be one line,
and no checkpoint may be gone. The exit status is 1 if anything was found.
"""

import argparse
import functools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax

from jaxgan.config.jax_env import CACHE_DIR_VARIABLE
from jaxgan.runs import checkpoints, layout, ledger, row_files
from tests import figure_data, processes
from tests.dir_compare import compare
from tests.fault_configs import ALL, CONFIGS, ROOT, arguments_of, process_count, write_data
from tests.fault_kinds import DAMAGES, FAULTS, Case, Fault
from tests.fault_starts import Ended, start

WITH_FIGURE_DATA = """
import sys
from jaxgan.cli.main import main
from tests import figure_data

figure_data.save_data_of_figures()
sys.exit(main())
"""
DRAWN_FROM_ROWS = (layout.CURVES, layout.DIAGNOSTICS, layout.SEED_SUMMARY, layout.SEED_BANDS)
MOST_DRAWS = 20  # of a kind of fault: some cannot happen to every run
ODD = re.compile(r"Traceback|Exception|Warning:|Error\b")


class Trial(NamedTuple):
    """One trial: what was done to a run, and what was found wrong.

    Attributes:
      faults: for each start, the kind of the fault, what happened in words, and how it ended.
      found: differences and wrong messages, a line each.
    """

    faults: list[tuple[str, str, str]]
    found: list[str]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60, help="no later trial (default 60)")
    parser.add_argument("--trials", type=int, default=10**9, help="no more trials than these")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--seed", type=int, default=0, help="of the faults (default 0)")
    parser.add_argument("--configs", nargs="+", choices=CONFIGS, default=ALL)
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--folder", type=Path, help="for the runs, new (default: a temporary one)")
    parser.add_argument("--figure_data", action="store_true", help="save data in place of drawing")
    options = parser.parse_args(argv)
    if options.figure_data:
        figure_data.save_data_of_figures()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="faults-"))
    _compile_once(Path(os.environ.get("JAXGAN_TESTS_COMPILED") or folder / "compiled"))
    trials = list(_run_trials(options, folder))
    shutil.rmtree(folder)
    _print_table(trials)
    found = sum(len(trial.found) for trial in trials)
    faults = sum(len(trial.faults) for trial in trials)
    minutes = time.monotonic() / 60 - options.begun
    print(f"{len(trials)} trials with {faults} faults in {minutes:.1f} min: {found} differences")
    return 1 if found else 0


def _run_trials(options: argparse.Namespace, folder: Path) -> Iterator[Trial]:
    options.begun = time.monotonic() / 60
    prepare = functools.cache(functools.partial(_prepare, folder, options.figure_data))
    for number in range(options.first, options.first + options.trials):
        if time.monotonic() / 60 > options.begun + options.minutes:
            return
        begun, name = time.monotonic(), options.configs[number % len(options.configs)]
        case = prepare(name)
        chance = random.Random(f"{options.seed} {number}")
        trial = _run_trial(case, folder / name / f"run_{number}", options.faults, chance)
        done = "; ".join(f"{text} ({how})" for _, text, how in trial.faults)
        seconds = time.monotonic() - begun
        print(f"{number} {name}: {done}: {len(trial.found)} differences, {seconds:.0f} s")
        for line in trial.found:
            print(f"  {line}")
        sys.stdout.flush()
        yield trial


def _run_trial(case: Case, workdir: Path, kinds: list[str], chance: random.Random) -> Trial:
    faults, found, excused, is_done = [], [], [".damaged", ".ahead"], False
    wanted = chance.randint(1, 4)
    for kind in chance.choices(kinds, k=MOST_DRAWS):
        # A run that is done computes nothing more, and only damage can change what it has.
        if len(faults) == wanted or (is_done and kind not in DAMAGES):
            continue
        if not (fault := FAULTS[kind](case, workdir, random.Random(chance.random()))):
            continue
        ended, wrong = _disturb(case, workdir, fault)
        found += wrong
        is_done = bool(ended) and not any(one.status for one in ended)
        faults.append((kind, fault.text, " and ".join(str(one.status) for one in ended)))
        # A file that was not refused stays damaged.
        if fault.damaged and ended and ended[0].status != 2:
            excused += _excused(fault.damaged)
    ended, wrong = _disturb(case, workdir, Fault("left alone", (0,)))
    found += wrong
    undisturbed = case.folder / "undisturbed"
    _drop_extra_leaves(undisturbed, workdir)
    excused += _kept_at_request(undisturbed, workdir)
    differences = _in_a_fork(lambda: compare(undisturbed, workdir))
    found += [line for line in differences if not any(name in line for name in excused)]
    if not found:
        shutil.rmtree(workdir)
    return Trial(faults, found)


def _drop_extra_leaves(whole: Path, workdir: Path) -> None:
    """Removes the rows of leaves.jsonl whose steps the undisturbed run did not save.

    A run that is asked to end saves at the end of a chunk, and the row of that checkpoint stays.
    """
    for path in workdir.rglob(layout.LEAVES):
        folder = path.parent
        steps = ledger.read_leaves(whole / folder.relative_to(workdir)).keys()
        rows = row_files.read_rows(folder, layout.LEAVES)
        path.unlink()
        row_files.append_rows(folder, [row for row in rows if row["step"] in steps], layout.LEAVES)


def _kept_at_request(whole: Path, workdir: Path) -> list[str]:
    """Returns the checkpoints that may be others, because a run was asked to end and saved.

    What it saved then counts among the newest that are kept, in place of an older one.
    """
    names = []
    for folder in (path.parent.relative_to(workdir) for path in workdir.rglob(layout.LEAVES)):
        usual, ours = (
            checkpoints.steps(run / folder / layout.CHECKPOINTS) for run in (whole, workdir)
        )
        missing, extra = set(usual) - set(ours), set(ours) - set(usual)
        asked_for = not extra & ledger.read_leaves(whole / folder).keys()
        if usual[-1:] == ours[-1:] and len(missing) == len(extra) and asked_for:
            names += [
                f": {folder / layout.CHECKPOINTS / str(s)} is" for s in sorted(missing | extra)
            ]
    return names


def _disturb(case: Case, workdir: Path, fault: Fault) -> tuple[list[Ended], list[str]]:
    """Starts the run with a fault; returns how its processes ended, and what is wrong with that."""
    before = _newest_steps(workdir)
    arguments = [*case.arguments, "--workdir", str(workdir)]
    running = start(arguments, case.folder, case.processes, fault.inside)
    try:
        fault.watch(running)
    except TimeoutError as error:
        return [], [f"{fault.text}: {error}"]
    ended = running.results()
    refused = any(one.status == 2 for one in ended)
    if refused or not fault.damaged:
        fault.undo()
    found = [f"{fault.text}: {line}" for one in ended for line in _wrong_end(fault, one)]
    # The newest checkpoint may be passed over if it was damaged.
    if layout.CHECKPOINTS not in fault.damaged:
        after = _newest_steps(workdir)
        lost = [name for name, step in before.items() if after.get(name, 0) < step]
        found += [f"{fault.text}: {name} lost its newest checkpoint" for name in lost]
    return ended, found


def _wrong_end(fault: Fault, ended: Ended) -> Iterator[str]:
    """Yields what is wrong with the status and the messages of a process."""
    if fault.statuses is None:
        return
    lines = ended.printed.splitlines()
    errors = [line for line in lines if line.startswith("jaxgan: error: ")]
    if ended.status not in fault.statuses:
        yield f"exit status {ended.status}: {lines[-1:]}"
    if len(errors) != (ended.status in (1, 2)) and ended.status <= 2:
        yield f"exit status {ended.status} with {len(errors)} lines of errors: {errors}"
    if odd := [line for line in lines if ODD.search(line) and line not in errors]:
        yield f"exit status {ended.status}: printed {odd}"


def _newest_steps(workdir: Path) -> dict[str, int]:
    """Returns the step of the newest checkpoint in each folder of checkpoints of a run."""
    folders = [workdir / layout.CHECKPOINTS, *workdir.glob(f"seed_*/{layout.CHECKPOINTS}")]
    return {str(path): max(checkpoints.steps(path), default=0) for path in folders}


def _excused(damaged: str) -> list[str]:
    """Returns the files that may differ because a file was damaged, and the run went on.

    A byte that was flipped in a row of text may leave a row; rows that are cut off are gone, as a
    warning says; a best checkpoint that is damaged is saved again from a later state.
    """
    names = [damaged]
    if Path(damaged).name == layout.METRICS:
        names += DRAWN_FROM_ROWS
    if layout.BEST_CHECKPOINT in Path(damaged).parts:
        names.append(f"{layout.BEST_CHECKPOINT}/")
    return names


def _prepare(folder: Path, with_figure_data: bool, name: str) -> Case:
    """Trains a config undisturbed, by the command itself and in a fork, and compares the two."""
    own, count = folder / name, process_count(name)
    own.mkdir(parents=True)
    write_data(name, own / "data")
    case = Case(name, arguments_of(name, own / "data"), own, count)
    program = ["-c", WITH_FIGURE_DATA] if with_figure_data else [str(ROOT / "run.py")]
    command = [sys.executable, *program, *case.arguments, "--workdir", str(own / "undisturbed")]
    port = processes.free_port()
    places = [processes.place(i, port, count) if count > 1 else () for i in range(count)]
    with open(own / "log", "w+") as log:
        started = [
            subprocess.Popen([*command, *flags], cwd=ROOT, stdout=log, stderr=log)
            for flags in places
        ]
        statuses = [one.wait() for one in started]
        if any(statuses):
            log.seek(0)
            raise RuntimeError(f"{name}: an undisturbed run failed: {log.read()}")
    again = own / "again"
    running = start([*case.arguments, "--workdir", str(again)], own, count, lambda *_: None)
    running.wait()
    seconds, ended = running.seconds, running.results()
    found = _in_a_fork(lambda: compare(own / "undisturbed", again))
    if found or any(one.status for one in ended):
        raise RuntimeError(f"{name}: an undisturbed run is not like another: {found}, {ended}")
    shutil.rmtree(again)
    return case._replace(seconds=seconds, operations=running.counter.value)


def _print_table(trials: list[Trial]) -> None:
    """Prints how often each fault came, and how the starts that it met ended."""
    counts = Counter((kind, _ending(how)) for trial in trials for kind, _, how in trial.faults)
    endings = ("went on", "saved", "one line", "killed", "others")
    print(f"{'fault':36}{'times':>8}" + "".join(f"{name:>10}" for name in endings))
    for kind in FAULTS:
        row = [counts[kind, ending] for ending in endings]
        if any(row):
            print(f"{kind:36}{sum(row):8}" + "".join(f"{number:10}" for number in row))


def _ending(statuses: str) -> str:
    names = {"0": "went on", "2": "one line", "-9": "killed"}
    names |= dict.fromkeys(("129", "130", "143"), "saved")  # after SIGHUP, SIGINT and SIGTERM
    different = set(statuses.split(" and "))
    return names.get(different.pop(), "others") if len(different) == 1 else "others"


def _compile_once(folder: Path) -> None:
    """Lets every later run find the programs that an earlier one has compiled."""
    settings = {
        CACHE_DIR_VARIABLE: str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    os.environ |= settings
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def _in_a_fork(function: Callable[[], list[str]]) -> list[str]:
    """Returns the result of a function that uses devices, which this process must not do."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            answer = function()
        except BaseException as error:
            answer = [f"{type(error).__name__}: {error}"]
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return answer


if __name__ == "__main__":
    sys.exit(main())
