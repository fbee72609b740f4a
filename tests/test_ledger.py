import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.runs import ledger, retry
from jaxgan.runs.ledger_rows import (
    BLOCK,
    combine_alike,
    combine_checksums,
    combine_old,
    common_rows,
    first_difference,
)


def history(steps, seed=0):
    random = np.random.RandomState(seed)
    return {name: random.randint(0, 2**32, steps, np.uint32) for name in CHECKSUM_COLUMNS}


def test_appended_steps_are_read_again(tmp_path):
    first, second = history(3), history(2, seed=1)
    ledger.append(tmp_path, 3, first)
    ledger.append(tmp_path, 5, second)
    steps, checksums, _ = ledger.read(tmp_path)
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
        ("2\t", "2-999999999999\t", "line 3 is damaged"),  # steps that would fill the memory
        ("2\t", "9" * 30 + "\t", "line 3 is damaged"),
        ("2\t00000000", "2\t-0000001", "line 3 is damaged"),
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
    steps, checksums, _ = ledger.read(tmp_path)
    assert len(steps) == 0
    assert checksums.shape == (0, len(CHECKSUM_COLUMNS))


@pytest.fixture
def few_recent(monkeypatch):
    """Ledgers combine their old steps after 256 steps, in rows of 64."""
    monkeypatch.setattr(ledger, "RECENT", 128)


def cut(columns, start, stop):
    return {name: values[start:stop] for name, values in columns.items()}


def test_old_steps_share_lines_and_recent_ones_do_not(few_recent, tmp_path):
    columns = history(300)
    ledger.append(tmp_path, 300, columns)
    lines = (tmp_path / ledger.LEDGER).read_text().splitlines()
    assert [line.split("\t")[0] for line in lines[:4]] == ["step", "1-64", "65-128", "129"]
    recorded = ledger.read(tmp_path)
    assert recorded.all_steps().tolist() == list(range(1, 301))
    values = np.stack([columns[name] for name in CHECKSUM_COLUMNS], axis=1)
    np.testing.assert_array_equal(
        recorded.row_with(65).checksums[0], combine_checksums(values[64:128])
    )
    np.testing.assert_array_equal(recorded.row_with(129).checksums[0], values[128])
    assert len(recorded.row_with(301).steps) == 0


@pytest.mark.parametrize("chunk", [1, 7, 100, 600])
def test_the_file_does_not_depend_on_how_a_run_was_cut_or_resumed(few_recent, chunk, tmp_path):
    columns = history(600)
    whole, other = tmp_path / "whole", tmp_path / "other"
    for folder in (whole, other):
        folder.mkdir()
    ledger.append(whole, 600, columns)
    for start in range(0, 600, chunk):
        ledger.append(other, min(start + chunk, 600), cut(columns, start, start + chunk))
    for step in (500, 599):  # killed after it had written more
        ledger.drop_after(other, step)
        ledger.append(other, 600, cut(columns, step, 600))
    assert (other / ledger.LEDGER).read_bytes() == (whole / ledger.LEDGER).read_bytes()


def test_a_row_that_reaches_beyond_the_checkpoint_is_dropped_whole(few_recent, tmp_path):
    ledger.append(tmp_path, 600, history(600))
    assert ledger.drop_after(tmp_path, 100) == list(range(1, 65))


@pytest.mark.parametrize("step", [1, 64, 65, 100, 128, 129, 300])
def test_one_differing_step_is_found_whichever_ledger_has_combined_it(step):
    columns = np.stack(list(history(300).values()), axis=1)
    steps = np.arange(1, 301)
    changed = columns.copy()
    changed[step - 1, 3] ^= 1 << 20
    plain = ledger.Ledger(steps, columns, steps)
    other = combine_old(ledger.Ledger(steps, changed, steps), 128)
    for pair in ((plain, other), (other, plain), (combine_old(plain, 128), other)):
        first, last, names = first_difference(*common_rows(*combine_alike(*pair)))
        assert first <= step <= last
        assert last - first + 1 == (BLOCK if step <= 128 else 1)
        assert names == [CHECKSUM_COLUMNS[3]]
    same = common_rows(*combine_alike(plain, combine_old(plain, 128)))
    assert first_difference(*same) is None


def test_a_range_that_runs_backwards_is_damaged(few_recent, tmp_path):
    ledger.append(tmp_path, 300, history(300))
    path = tmp_path / ledger.LEDGER
    path.write_text(path.read_text().replace("65-128", "129-65", 1))
    with pytest.raises(UserError, match="line 3"):
        ledger.read(tmp_path)


def test_a_ledger_that_is_away_for_a_moment_is_not_written_anew_as_an_empty_one(
    few_recent, tmp_path, monkeypatch
):
    ledger.append(tmp_path, 250, history(250))
    path, away = tmp_path / ledger.LEDGER, tmp_path / "away"

    def append_and_hide(*args, original=ledger.append_text, **kwargs):
        original(*args, **kwargs)
        path.rename(away)

    monkeypatch.setattr(ledger, "append_text", append_and_hide)
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: away.rename(path))
    ledger.append(tmp_path, 300, cut(history(300), 250, 300))
    assert ledger.read(tmp_path).all_steps().tolist() == list(range(1, 301))
