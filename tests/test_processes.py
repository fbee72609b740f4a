"""Several processes that train one run, here two of them with two devices each on one machine."""

import time

import numpy as np
import pytest

from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.runs import checkpoints, ledger
from jaxgan.runs.environment import read_environment
from tests import tiny
from tests.dir_compare import compare
from tests.processes import (
    ended,
    error_lines,
    free_port,
    place,
    start,
    start_both,
    trained,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled_once")]


def apart(a, b):
    """The largest difference between the last states of two runs."""
    a, b = (checkpoints.flatten(checkpoints.load_run(workdir)[2]) for workdir in (a, b))
    return max(float(np.abs(a[name].astype(float) - b[name]).max()) for name in a if a[name].size)


def draws(workdir):
    marks = ledger.read(workdir).checksums
    return marks[:, [CHECKSUM_COLUMNS.index("batch"), CHECKSUM_COLUMNS.index("latents")]].tolist()


def test_two_processes_train_one_run_that_the_first_alone_reports(tmp_path, data):
    port, run = free_port(), tmp_path / "run"
    copies = [data, tiny.write_data(tmp_path / "data")]  # each may have its own, of the same bytes
    first, other = trained(*[start(run, copy, *place(i, port)) for i, copy in enumerate(copies)])
    assert "Trained 2 epochs, 24 steps" in first[1]
    assert "Trained" not in other[1]
    assert "process 1 of 2 takes part; process 0 writes and reports\n" in other[2]
    assert "epoch 1/2" in first[2]
    assert "epoch" not in other[2]
    assert not list(run.glob(".shared*"))

    trained(start(tmp_path / "alone", data, devices=1))
    assert draws(run) == draws(tmp_path / "alone")
    assert apart(run, tmp_path / "alone") < 1e-6
    recorded = read_environment(run)
    assert recorded["processes"] == 2
    assert len(recorded["devices"]) == 4


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data):
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    trained(*start_both(workdir, data, train__epochs=4))
    return workdir


def test_a_directory_that_not_all_processes_see_is_refused(tmp_path, data):
    port = free_port()
    found = ended([start(tmp_path / f"{i}", data, *place(i, port)) for i in range(2)])
    for i, (status, _, err) in enumerate(found):
        assert status == 2
        (line,) = error_lines(err)
        assert line.startswith(
            f"jaxgan: error: --workdir {tmp_path / str(i)}: process 1 does not see the folder that "
            "process 0 writes; give all processes one folder on a shared file system"
        )
    assert not (tmp_path / "1").exists()
    assert not (tmp_path / "0" / "metrics.jsonl").exists()


def test_checkpoints_move_between_numbers_of_processes(tmp_path, data, undisturbed):
    run = tmp_path / "run"
    trained(start(run, data, devices=4))
    trained(*start_both(run, data, train__epochs=3))
    trained(start(run, data, devices=1, train__epochs=4))
    assert draws(run) == draws(undisturbed)
    assert apart(run, undisturbed) < 1e-6
    recorded = read_environment(run)
    assert recorded["processes"] == 1
    assert [change.get("processes", 1) for change in recorded["changes"]] == [2, 1]


def test_in_shards_a_run_moves_between_numbers_of_processes_to_the_bit(tmp_path, data):
    run, alone = tmp_path / "run", tmp_path / "alone"
    trained(*start_both(run, data, parallel__shards=4, train__epochs=1, data__stream=5))
    trained(start(run, data, devices=4, parallel__shards=4))
    trained(start(alone, data, devices=1, parallel__shards=4))
    assert apart(run, alone) == 0
    assert (run / "ledger.tsv").read_bytes() == (alone / "ledger.tsv").read_bytes()


@pytest.mark.parametrize("lost", [0, 1])
def test_a_process_that_is_killed_ends_the_run_which_resumes_to_the_same_bytes(
    tmp_path, data, undisturbed, lost
):
    both = start_both(tmp_path / "run", data, train__epochs=4)
    wait_for(tmp_path / "run" / "checkpoints" / "12", both)
    both[lost].kill()
    killed = time.monotonic()
    status, *_ = ended([both[1 - lost]], seconds=100)[0]
    assert time.monotonic() - killed < 100
    assert status != 0
    ended([both[lost]])

    trained(*start_both(tmp_path / "run", data, train__epochs=4))
    assert compare(undisturbed, tmp_path / "run") == []


def test_many_seeds_are_trained_by_all_processes_one_after_the_other(tmp_path, data):
    trained(*start_both(tmp_path / "both", data, seeds=2))
    trained(start(tmp_path / "alone", data, devices=1, seeds=2))
    for seed in ("seed_0000", "seed_0001"):
        assert draws(tmp_path / "both" / seed) == draws(tmp_path / "alone" / seed)
        assert apart(tmp_path / "both" / seed, tmp_path / "alone" / seed) < 1e-6
    assert (tmp_path / "both" / "seeds.json").exists()


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
    assert read_environment(tmp_path / "run")["processes"] == 2
