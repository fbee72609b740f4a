"""A disturbed run ends with the bytes of one that never was: `tests.faults`, made short."""

import subprocess
import sys

import pytest

from tests.dir_compare import compare
from tests.fault_configs import ROOT


def disturb(*arguments):
    command = [sys.executable, "-m", "tests.faults", "--figure_data", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--trials", "2", "--seed", "8", "--configs", "short"],
        pytest.param(["--trials", "10", "--seed", "1"], marks=pytest.mark.slow),  # each config once
    ],
    ids=["short", "long"],
)
def test_a_disturbed_run_ends_with_the_bytes_of_one_never_disturbed(arguments):
    code, out, err = disturb(*arguments)
    assert code == 0, out + err
    assert f"{arguments[1]} trials with" in out
    assert out.endswith(": 0 differences\n")


@pytest.fixture
def runs(tmp_path):
    """Two equal folders that hold a file of each kind but checkpoints."""
    for name in ("a", "b"):
        (tmp_path / name / "samples").mkdir(parents=True)
        for file in ("config.json", "ledger.tsv", "samples/epoch_0001.png", ".lock"):
            (tmp_path / name / file).write_text("same")
        (tmp_path / name / "environment.json").write_text(name)
        (tmp_path / name / "metrics.jsonl").write_text('{"step": 4, "x": 1.5, "seconds": 2}\n')
    return tmp_path / "a", tmp_path / "b"


def test_a_difference_of_one_byte_in_any_file_is_found(runs):
    a, b = runs
    assert compare(a, b) == []
    for file in ("config.json", "ledger.tsv", "samples/epoch_0001.png", "metrics.jsonl"):
        before = (b / file).read_bytes()
        (b / file).write_bytes(before[:3] + b"X" + before[4:])
        assert compare(a, b) == [f"{b}: {file} differs"]
        (b / file).write_bytes(before)
    (b / "samples" / ".x.png.new").write_text("")
    (b / "ledger.tsv").unlink()
    assert compare(a, b) == [
        f"{b}: ledger.tsv is missing",
        f"{b}: samples/.x.png.new is too many",
    ]
    (b / "samples" / ".x.png.new").unlink()
    (b / "ledger.tsv").write_text("same")
    (b / "metrics.jsonl").write_text('{"step": 4, "x": 1.5, "seconds": 3}\n')
    assert compare(a, b) == []
