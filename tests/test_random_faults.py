"""A disturbed run ends with the bytes of one that never was: `tests.faults`, made short."""

import random
import subprocess
import sys

import pytest

from jaxgan.runs import layout, row_files
from tests import faults
from tests.dir_compare import compare
from tests.fault_configs import ROOT
from tests.fault_kinds import Fault, damage_file
from tests.fault_starts import Ended


def disturb(*arguments):
    command = [sys.executable, "-m", "tests.faults", "--figure_data", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        # Two kills, and between them a damaged file.
        ["--trials", "1", "--seed", "3489", "--configs", "short"],
        pytest.param(
            ["--trials", "3", "--seed", "1", "--configs", "mlp", "stream", "processes"],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["short", "long"],
)
def test_a_disturbed_run_ends_with_the_bytes_of_one_never_disturbed(arguments):
    code, out, err = disturb(*arguments)
    assert code == 0, out + err
    assert f"{arguments[1]} trials with" in out
    assert out.endswith(": 0 differences\n")


ERROR = "jaxgan: error: the disk is full"


@pytest.mark.parametrize(
    ("status", "printed", "found"),
    [
        (0, "epoch 1/2: D loss 1.4\nwarning: the folder is damaged", []),
        (2, f"epoch 1/2: D loss 1.4\n{ERROR}", []),
        (1, ERROR, ["exit status 1: "]),
        (0, ERROR, ["with 1 lines of errors"]),
        (2, "", ["with 0 lines of errors"]),
        (2, f"{ERROR}\n{ERROR}", ["with 2 lines of errors"]),
        (2, f"Traceback (most recent call last):\n  OSError: x\n{ERROR}", ["printed ['Traceback"]),
        (0, "a.py:5: UserWarning: odd", ["printed ['a.py:5: UserWarning: odd']"]),
    ],
)
def test_a_wrong_status_or_message_is_found(status, printed, found):
    fault = Fault("disk full", (0, 2))
    wrong = list(faults._wrong_end(fault, Ended(status, printed)))
    assert len(wrong) == len(found)
    assert all(part in line for part, line in zip(found, wrong, strict=True))


def test_damage_changes_a_file_and_says_where(tmp_path):
    path = tmp_path / "file"
    for seed in range(20):
        path.write_bytes(bytes(100))
        text = damage_file(path, random.Random(seed))
        content = path.read_bytes()
        if text.startswith("cut"):
            assert text == f"cut from 100 to {len(content)} bytes"
        else:
            assert sum(byte.bit_count() for byte in content) == 1


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


@pytest.mark.parametrize(
    ("kept", "excused"),
    [
        ((16, 24), [": checkpoints/12 is", ": checkpoints/16 is"]),
        ((12, 24), []),
        ((24,), []),
        ((12, 16), []),
        ((20, 24), []),  # the run saves at step 20 unasked, and has removed that checkpoint
    ],
)
def test_a_checkpoint_that_was_asked_for_may_stand_for_an_older_one(tmp_path, kept, excused):
    for run, steps in {"whole": (12, 24), "run": kept}.items():
        for step in steps:
            (tmp_path / run / "checkpoints" / str(step)).mkdir(parents=True)
        row_files.append_rows(
            tmp_path / run, [{"step": s, "leaves": {}} for s in (12, 20, 24)], layout.LEAVES
        )
    assert faults._kept_at_request(tmp_path / "whole", tmp_path / "run") == excused
