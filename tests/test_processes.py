"""Several processes that train one run, here two of them with two devices each on one machine."""

import argparse
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan import checkpoints, joining, last_words, ledger, records
from jaxgan.config import UserError
from jaxgan.steps import MARKS
from tests import kills, tiny

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "data.name": "tiny",
    "data.source": "idx",
    "train.batch_size": 8,
    "train.logs_per_epoch": 3,
    "train.epochs": 2,
    "network.gen_widths": (7,),
    "network.disc_widths": (6,),
    "network.latent_size": 5,
    "ema.half_life": 100,
    "evaluate.num_samples": 50,
    "evaluate.features": "tests.tiny:flat_features",
    "save.every": 1,
    "parallel.devices": 0,
}
LOST = "of this run was lost; repeat all commands to go on from the last checkpoint"

GLOO = (
    "[Gloo] Rank {} is connected to 3 peer ranks. Expected number of connected peer ranks is : 3\n"
)


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory):
    """What one process has compiled all others find."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.write_data(tmp_path_factory.mktemp("data"))


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def start(workdir, data, *flags, devices=2, env=(), program=(ROOT / "run.py",), **settings):
    """The training command, in a process of its own; settings have __ for a dot."""
    settings = (
        SETTINGS
        | {"data.dir": data}
        | {name.replace("__", "."): value for name, value in settings.items()}
    )
    command = [sys.executable, *program, "--config", ROOT / "configs" / "mnist.py"]
    command += ["--workdir", workdir, *flags]
    command += [f"--config.{name}={value}" for name, value in settings.items()]
    inherited = {name: os.environ[name] for name in os.environ if "proxy" not in name.lower()}
    env = inherited | {  # of proxies JAX would warn
        "JAX_PLATFORMS": "cpu",
        "OMP_NUM_THREADS": "1",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        **dict(env),
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(list(map(str, command)), cwd=ROOT, env=env, **pipes)


def place(index, port, count=2):
    return (
        f"--coordinator=127.0.0.1:{port}",
        f"--num_processes={count}",
        f"--process_id={index}",
    )


def start_both(workdir, data, **settings):
    port = free_port()
    return [start(workdir, data, *place(i, port), **settings) for i in range(2)]


def ended(processes, seconds=900):
    """(exit status, standard output, standard error) of each."""
    spoken = [process.communicate(timeout=seconds) for process in processes]
    return [(p.returncode, *words) for p, words in zip(processes, spoken, strict=True)]


def trained(*processes):
    found = ended(processes)
    assert [status for status, *_ in found] == [0] * len(found), found
    return found


def wait_for(path, processes, seconds=600):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"no {path}"
        assert all(process.poll() is None for process in processes), ended(processes)
        time.sleep(0.05)


def apart(a, b):
    """The largest difference between the last states of two runs."""
    a, b = (checkpoints.flatten(checkpoints.load_run(workdir)[2]) for workdir in (a, b))
    return max(float(np.abs(a[name].astype(float) - b[name]).max()) for name in a if a[name].size)


def draws(workdir):
    marks = ledger.read(workdir).marks
    return marks[:, [MARKS.index("batch"), MARKS.index("latents")]].tolist()


def error_lines(err):
    return [line for line in err.splitlines() if line.startswith("jaxgan: error: ")]


@pytest.mark.slow
def test_two_processes_train_one_run_that_the_first_alone_writes(tmp_path, data):
    port = free_port()
    copies = [data, tiny.write_data(tmp_path / "data")]  # each may have its own, of the same bytes
    together = [
        start(tmp_path / f"run_{i}", copy, *place(i, port)) for i, copy in enumerate(copies)
    ]
    first, other = trained(*together)
    assert "Trained 2 epochs, 24 steps" in first[1]
    assert other[1] == ""
    assert other[2] == "process 1 of 2 takes part; process 0 writes and reports\n"
    assert not (tmp_path / "run_1").exists()

    trained(start(tmp_path / "alone", data, devices=1))
    assert draws(tmp_path / "run_0") == draws(tmp_path / "alone")
    assert apart(tmp_path / "run_0", tmp_path / "alone") < 1e-6
    recorded = records.read_environment(tmp_path / "run_0")
    assert recorded["processes"] == 2
    assert len(recorded["devices"]) == 4


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data):
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    trained(*start_both(workdir, data, train__epochs=4))
    return workdir


def bytes_by_process(checkpoint):
    """How much of a checkpoint's arrays each process wrote, in their order."""
    parts = sorted((checkpoint / "state").glob("ocdbt.process_*"))
    files = [[path for path in part.rglob("*") if path.is_file()] for part in parts]
    return [sum(path.stat().st_size for path in own) for own in files]


@pytest.mark.slow
def test_all_that_see_the_folder_write_the_checkpoints_and_else_the_first_the_same(
    tmp_path, data, undisturbed
):
    port, alone = free_port(), tmp_path / "0"
    trained(*[start(tmp_path / f"{i}", data, *place(i, port), train__epochs=4) for i in range(2)])
    (best,) = checkpoints.steps(undisturbed / "best")
    oldest = checkpoints.steps(undisturbed / "checkpoints")[0]
    leaves = checkpoints.flatten(checkpoints.load_run(undisturbed)[2])
    halved = sum(a.nbytes / 2 for a in leaves.values() if any(size % 2 == 0 for size in a.shape))
    for folder in (f"checkpoints/{oldest}", f"best/{best}"):
        assert min(bytes_by_process(undisturbed / folder)) > 0.9 * halved  # hardly compressible
        assert len(bytes_by_process(undisturbed / folder)) == 2
        assert len(bytes_by_process(alone / folder)) == 1
    assert kills.compare(undisturbed, alone) == []


@pytest.mark.slow
def test_one_that_cannot_write_its_part_says_why_and_the_others_that_it_did_not(tmp_path, data):
    impatient = (
        "import sys; from jaxgan.checkpoints import writing; writing.PATIENCE = 20; "
        "from jaxgan.cli import main; sys.exit(main())"
    )
    both = start_both(tmp_path / "run", data, train__epochs=10_000, program=("-c", impatient))
    wait_for(tmp_path / "run" / "checkpoints" / "12", both)
    resource.prlimit(both[1].pid, resource.RLIMIT_FSIZE, (0, 0))
    begun = time.monotonic()
    first, other = ended(both, seconds=300)
    assert time.monotonic() - begun < 110  # 20, and what the machine takes
    assert first[0] == other[0] == 2
    (line,) = error_lines(first[2])
    why = "no checkpoint could be saved: another process did not write its part within 20 s"
    assert line == f"jaxgan: error: {tmp_path / 'run' / 'checkpoints'}: {why}"
    (line,) = error_lines(other[2])
    # Of the arrays TensorStore names the file, of what describes them the system does not.
    assert re.search(r"run/checkpoints: no checkpoint could be saved: .*File too large", line)


@pytest.mark.slow
def test_checkpoints_move_between_numbers_of_processes(tmp_path, data, undisturbed):
    run = tmp_path / "run"
    trained(start(run, data, devices=4))
    trained(*start_both(run, data, train__epochs=3))
    trained(start(run, data, devices=1, train__epochs=4))
    assert draws(run) == draws(undisturbed)
    assert apart(run, undisturbed) < 1e-6
    recorded = records.read_environment(run)
    assert recorded["processes"] == 1
    assert [change.get("processes", 1) for change in recorded["changes"]] == [2, 1]


@pytest.mark.slow
def test_in_shards_a_run_moves_between_numbers_of_processes_to_the_bit(tmp_path, data):
    run, alone = tmp_path / "run", tmp_path / "alone"
    trained(*start_both(run, data, parallel__shards=4, train__epochs=1, data__stream=5))
    trained(start(run, data, devices=4, parallel__shards=4))
    trained(start(alone, data, devices=1, parallel__shards=4))
    assert apart(run, alone) == 0
    assert (run / "ledger.tsv").read_bytes() == (alone / "ledger.tsv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_process_that_is_killed_ends_the_run_which_resumes_to_the_same_bytes(
    tmp_path, data, undisturbed, lost
):
    both = start_both(tmp_path / "run", data, train__epochs=4)
    wait_for(tmp_path / "run" / "checkpoints" / "12", both)
    both[lost].kill()
    killed = time.monotonic()
    status, _, err = ended([both[1 - lost]], seconds=60)[0]
    assert time.monotonic() - killed < 60
    assert status != 0
    assert error_lines(err) == [f"jaxgan: error: process {1 - lost} of 2: process {lost} {LOST}"]
    assert "***" not in err  # no dump of a stack
    ended([both[lost]])

    trained(*start_both(tmp_path / "run", data, train__epochs=4))
    assert kills.compare(undisturbed, tmp_path / "run") == []


@pytest.mark.slow
def test_a_signal_at_any_process_stops_all_of_them_saved(tmp_path, data):
    both = start_both(tmp_path / "run", data, train__epochs=10_000)
    wait_for(tmp_path / "run" / "checkpoints" / "12", both)
    both[1].send_signal(signal.SIGTERM)
    first, other = ended(both)
    assert first[0] == other[0] == 128 + signal.SIGTERM
    step = int(re.search(r"saved at step (\d+) of 120000; go on with:", first[2])[1])
    assert max(checkpoints.steps(tmp_path / "run" / "checkpoints")) == step


@pytest.mark.slow
@pytest.mark.parametrize("impatient", [0, 1])
def test_a_second_signal_ends_one_at_once_and_the_others_soon(tmp_path, data, impatient):
    both = start_both(tmp_path / "run", data, train__epochs=10_000)
    wait_for(tmp_path / "run" / "checkpoints" / "12", both)
    both[impatient].send_signal(signal.SIGTERM)
    both[impatient].send_signal(signal.SIGINT)
    begun = time.monotonic()
    found = ended(both, seconds=120)
    assert time.monotonic() - begun < 120  # 60, on a machine that has nothing else to do
    status, _, err = found[impatient]
    assert status == 130
    words = "interrupted; what was done since the last checkpoint is lost"
    assert error_lines(err) == [f"jaxgan: error: {words}"]
    status, _, err = found[1 - impatient]
    assert status not in (0, 130)
    (line,) = error_lines(err)
    who = f"process {1 - impatient} of 2"
    assert line == f"jaxgan: error: {who}: process {impatient} {LOST}"


@pytest.mark.slow
def test_a_run_that_diverges_ends_all_of_its_processes(tmp_path, data):
    wild = {f"optimizer__{player}__learning_rate": 1e38 for player in ("gen", "disc")}
    first, other = ended(start_both(tmp_path / "run", data, **wild))
    assert first[0] == other[0] == 1
    (line,) = error_lines(first[2])
    assert "updates in a row were not finite, up to step" in line
    assert error_lines(other[2]) == [line.replace("error: ", "error: process 0: ")]


@pytest.mark.slow
def test_an_image_that_one_process_cannot_read_any_more_ends_all_of_them(tmp_path):
    copies = [tmp_path / "first", tmp_path / "other"]
    random = np.random.RandomState(0)
    for number, image in enumerate(random.randint(0, 256, (100, 6, 6), np.uint8)):
        for copy in copies:
            copy.mkdir(exist_ok=True)
            Image.fromarray(image).save(copy / f"{number:03}.png")
    port, run = free_port(), tmp_path / "run"
    settings = {"data__source": "folder", "data__stream": 2, "train__epochs": 10_000}
    settings["evaluate__every"] = 0  # nothing is held out
    both = [start(run, copy, *place(i, port), **settings) for i, copy in enumerate(copies)]
    wait_for(run / "checkpoints" / "12", both)
    shutil.rmtree(copies[1])
    first, other = ended(both, seconds=300)
    assert first[0] != 0
    assert other[0] != 0
    assert re.search(rf"error: {copies[1]}/\d+\.png: cannot be read .*; put it back", other[2])
    assert LOST in error_lines(first[2])[0]


@pytest.mark.slow
def test_processes_that_would_train_different_things_are_refused(tmp_path, data):
    port = free_port()
    others = {
        "config.seed is 0 in process 0 and 1 in process 1": {"seed": 1},
        "the data's SHA-256 is": {"data": tiny.write_data(tmp_path / "data", seed=1)},
    }
    for words, other in others.items():
        settings = {"data": data} | other
        both = [
            start(tmp_path / "run", data, *place(0, port)),
            start(tmp_path / "run", settings.pop("data"), *place(1, port), **settings),
        ]
        for status, _, err in ended(both):
            assert status == 2
            (line,) = error_lines(err)
            assert line.startswith(f"jaxgan: error: the processes of a run must agree: {words}")
        assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_what_the_first_process_refuses_all_of_them_say(tmp_path, data):
    trained(start(tmp_path / "run", data, devices=1, train__epochs=1))
    first, other = ended(start_both(tmp_path / "run", data, seed=1))
    assert first[0] == other[0] == 2
    why = f"--workdir {tmp_path / 'run'}: its run has config.seed = 0, not 1; choose another"
    assert error_lines(first[2])[0].startswith(f"jaxgan: error: {why}")
    assert error_lines(other[2])[0].startswith(f"jaxgan: error: process 0: {why}")
    few = ended(start_both(tmp_path / "few", data, parallel__devices=1))
    for status, _, err in few:
        assert status == 2
        assert "config.parallel.devices = 1: 2 processes have 4 devices; must be 4, or 0" in err


@pytest.mark.slow
def test_processes_that_do_not_come_and_ports_that_say_nothing_are_given_up(tmp_path, data):
    nobody, alone = free_port(), free_port()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = silent.getsockname()[1]
        begun = time.monotonic()
        three = [
            start(tmp_path / "run", data, *place(1, nobody)),
            start(tmp_path / "run", data, *place(1, mute)),
            start(tmp_path / "run", data, *place(0, alone)),
        ]
        found = ended(three)
        assert time.monotonic() - begun < 60
    for (status, _, err), port, words in zip(
        found,
        (nobody, mute, alone),
        (
            "does not answer within 45 s; is --process_id 0 started there?",
            "not all processes of the run were there within 45 s",
            "not all of the other 1 processes came within 45 s",
        ),
        strict=True,
    ):
        assert status == 2
        assert err == f"jaxgan: error: --coordinator 127.0.0.1:{port}: {words}\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_many_seeds_are_trained_by_all_processes_one_after_the_other(tmp_path, data):
    trained(*start_both(tmp_path / "both", data, seeds=2))
    trained(start(tmp_path / "alone", data, devices=1, seeds=2))
    for seed in ("seed_0000", "seed_0001"):
        assert draws(tmp_path / "both" / seed) == draws(tmp_path / "alone" / seed)
        assert apart(tmp_path / "both" / seed, tmp_path / "alone" / seed) < 1e-6
    assert (tmp_path / "both" / "seeds.json").exists()


@pytest.mark.slow
def test_auto_finds_the_processes_of_slurm(tmp_path, data):
    job = {
        "SLURM_JOB_ID": "1",
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_STEP_NUM_NODES": "1",
        "JAX_COORDINATOR_PORT": str(free_port()),
    }
    both = [
        start(
            tmp_path / "run",
            data,
            "--coordinator=auto",
            env=job | {"SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)},
        )
        for i in range(2)
    ]
    first, _ = trained(*both)
    assert "Trained 2 epochs" in first[1]
    assert records.read_environment(tmp_path / "run")["processes"] == 2


def asked(environ=(), **flags):
    given = dict.fromkeys(joining.VARIABLES) | flags
    return joining.asked_place(argparse.Namespace(**given), dict(environ))


def test_a_place_comes_from_flags_or_else_from_the_environment():
    assert asked() is None
    assert asked(coordinator="a:1", num_processes=2, process_id=1) == joining.Place("a:1", 2, 1)
    environ = {"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "0"}
    assert asked(environ) == joining.Place("a:1", 2, 0)
    assert asked(environ, process_id=1) == joining.Place("a:1", 2, 1)
    assert asked(environ, coordinator="auto") == joining.Place("auto")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            {"process_id": 1},
            r"process_id = 1: --coordinator \(JAX_COORD.*\) and --num_",
        ),
        ({"coordinator": "a:1", "num_processes": 2}, r"--process_id .* must be given too"),
        (
            {"coordinator": "a", "num_processes": 2, "process_id": 0},
            "--coordinator a: must be HOST:PORT, or auto",
        ),
        (
            {"coordinator": "a:1", "num_processes": 2, "process_id": 2},
            "--process_id 2: must be 0 to 1, below --num_processes",
        ),
        ({"coordinator": "auto", "process_id": 0}, "auto: finds --num_processes and --process_id"),
    ],
)
def test_a_place_that_is_incomplete_or_impossible_is_refused(flags, words):
    with pytest.raises(UserError, match=words):
        asked(**flags)
    with pytest.raises(UserError, match=r"JAX_PROCESS_ID: 'x': must be a whole number"):
        asked({"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_PROCESS_ID": "x"})


def test_a_port_that_is_taken_and_a_host_that_is_not_there_are_refused():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"127.0.0.1:{port}: its port cannot be opened here"):
            joining._check_address(joining.Place(f"127.0.0.1:{port}", 2, 0))
    with pytest.raises(UserError, match=r"--coordinator nowhere\.invalid:1: no such host"):
        joining._check_address(joining.Place("nowhere.invalid:1", 2, 1))


@pytest.mark.parametrize(
    ("native", "words"),
    [
        ("passed on\n", "passed on\njaxgan: error: me: was ended from outside; repeat"),
        (
            f"F1 {last_words.FATAL}:\n1\n*** Check failure\n2\n",
            f"jaxgan: error: me: process 1 {LOST}",
        ),
        (
            f"F1 {last_words.FATAL}. {last_words.STATUS}ABORTED: why\n\nRPC: what\n",
            f"jaxgan: error: me: a process (ABORTED: why) {LOST}",
        ),
        (
            f"{last_words.FATAL}: {last_words.OF_THE_COORDINATOR}\n",
            f"jaxgan: error: me: process 0 {LOST}",
        ),
        (GLOO.format(0) + f"no end{last_words.GOODBYE}\n", ""),
        ("[Gloo] Rank " + GLOO.format(2) + GLOO[12:].format(3) + last_words.GOODBYE, ""),
        (f"3 is another matter\n{last_words.GOODBYE}", "3 is another matter\n"),
    ],
)
def test_last_words_are_one_line_of_a_process_that_ends_without_its_own(native, words):
    command = [sys.executable, "-I", last_words.__file__, "me"]
    done = subprocess.run(command, input=native, capture_output=True, text=True, check=True)
    assert done.stderr.startswith(words)
    assert bool(done.stderr) == bool(words)
    assert done.stderr.count("jaxgan: error") == words.count("jaxgan: error")


def test_the_first_process_does_not_take_itself_for_lost():
    said = [f"{last_words.FATAL}: {last_words.OF_THE_COORDINATOR}\n"]
    assert last_words.reason(said, "process 0 of 2") == f"another process {LOST}"
    assert last_words.reason(said, "process 1 of 2") == f"process 0 {LOST}"
