import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.runs import ledger


def history(steps, seed=0):
    random = np.random.RandomState(seed)
    return {name: random.randint(0, 2**32, steps, np.uint32) for name in CHECKSUM_COLUMNS}


def test_appended_steps_are_read_again(tmp_path):
    first, second = history(3), history(2, seed=1)
    ledger.append(tmp_path, 3, first)
    ledger.append(tmp_path, 5, second)
    steps, checksums = ledger.read(tmp_path)
    assert steps.tolist() == [1, 2, 3, 4, 5]
    for column, name in enumerate(CHECKSUM_COLUMNS):
        expected = [*first[name], *second[name]]
        assert checksums[:, column].tolist() == expected


def test_a_line_is_a_step_and_hexadecimal_digits(tmp_path):
    ledger.append(tmp_path, 7, {name: np.array([255], np.uint32) for name in CHECKSUM_COLUMNS})
    head, line = (tmp_path / ledger.LEDGER).read_text().splitlines()
    assert head.split("\t") == ["step", *CHECKSUM_COLUMNS]
    assert line.split("\t") == ["7"] + ["000000ff"] * len(CHECKSUM_COLUMNS)


@pytest.mark.parametrize("cut", [1, 5, 60, 1000])
def test_a_kill_within_a_write_loses_only_the_last_line(cut, tmp_path):
    ledger.append(tmp_path, 3, history(3))
    complete = (tmp_path / ledger.LEDGER).read_text()
    line = len(complete.splitlines()[-1]) + 1
    (tmp_path / ledger.LEDGER).write_text(complete[: -min(cut, line - 1)])
    assert ledger.read(tmp_path).steps.tolist() == [1, 2]
    ledger.drop_after(tmp_path, 2)
    ledger.append(tmp_path, 3, {n: m[2:] for n, m in history(3).items()})
    assert (tmp_path / ledger.LEDGER).read_text() == complete


def test_a_header_cut_short_is_written_again(tmp_path):
    (tmp_path / ledger.LEDGER).write_text("step\tba")
    ledger.drop_after(tmp_path, 0)
    ledger.append(tmp_path, 2, history(2))
    assert ledger.read(tmp_path).steps.tolist() == [1, 2]


def test_later_steps_are_dropped(tmp_path):
    ledger.append(tmp_path, 4, history(4))
    for step in (2, 4):
        ledger.append_leaves(tmp_path, step, {"gen.kernel": np.zeros(2)})
    ledger.drop_after(tmp_path, 2)
    assert ledger.read(tmp_path).steps.tolist() == [1, 2]
    assert list(ledger.read_leaves(tmp_path)) == [2]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2\t", "x\t", "line 3 is damaged"),
        ("\n3\t", "\n1\t", "line 4: its step is not above"),
        ("disc_loss", "loss", "its first line is not 'step"),
    ],
)
def test_a_damaged_line_is_named(old, new, words, tmp_path):
    ledger.append(tmp_path, 3, {n: np.zeros(3, np.uint32) for n in history(1)})
    path = tmp_path / ledger.LEDGER
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=words):
        ledger.read(tmp_path)


def test_without_a_file_nothing_is_recorded(tmp_path):
    steps, checksums = ledger.read(tmp_path)
    assert len(steps) == 0
    assert checksums.shape == (0, len(CHECKSUM_COLUMNS))
