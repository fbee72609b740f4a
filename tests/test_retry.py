import errno
import os
import shutil
import time

import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.runs import checkpoints
from jaxgan.runs import retry as retry_module
from jaxgan.runs.atomic_files import append_text, replace_file
from jaxgan.runs.layout import WRITER
from jaxgan.runs.retry import hold, retry


@pytest.fixture
def failing(monkeypatch):
    """Makes `os.fsync` fail as often as the list is long, with these numbers."""
    numbers = []

    def fsync(descriptor, original=os.fsync):
        if numbers:
            number = numbers.pop()
            raise OSError(number, os.strerror(number))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(retry_module, "FIRST_PAUSE_S", 0.001)
    return numbers


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(retry_module, "PATIENCE_S", 0.1)


def test_what_a_failed_append_has_written_is_not_there_twice(tmp_path, failing, capsys):
    path = tmp_path / "rows"
    failing += [errno.EIO, errno.ESTALE]
    append_text(path, "one\n", header="head\n")
    failing += [errno.EIO] * 3
    append_text(path, "two\n", header="head\n")
    assert path.read_text() == "head\none\ntwo\n"
    (first, second) = capsys.readouterr().err.splitlines()
    assert first == f"warning: {path}: Stale file handle; trying again for up to 30 s"
    assert "Input/output error" in second


def test_a_file_is_replaced_once_the_file_system_answers_again(tmp_path, failing):
    path = tmp_path / "file"
    path.write_text("old")
    failing += [errno.EAGAIN, errno.ENOTCONN]
    replace_file(path, lambda file: file.write(b"new"))
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


def test_an_error_that_lasts_is_raised_after_a_bounded_time(tmp_path, failing, impatient):
    failing += [errno.EIO] * 10_000
    with pytest.raises(OSError, match="Input/output error"):
        append_text(tmp_path / "rows", "one\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_an_error_that_stays_is_not_waited_for(tmp_path, failing, number):
    failing += [number, number]
    with pytest.raises(OSError, match=os.strerror(number)):
        append_text(tmp_path / "rows", "one\n")
    assert len(failing) == 1


def test_nothing_is_repeated_in_the_folder_of_another_run(tmp_path, failing, impatient):
    """A run is started anew in a folder that was removed while the first one writes."""
    workdir = tmp_path / "run"
    tries = []

    def write():
        tries.append(1)
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    with hold(workdir, "ours"):
        with pytest.raises(FileNotFoundError):
            retry(write, workdir / "rows")
        workdir.mkdir()
        (workdir / WRITER).write_text("theirs")
        with pytest.raises(UserError, match="another command trains there now"):
            retry(write, workdir / "rows")
        assert len(tries) == 2
        (workdir / WRITER).write_text("ours")
        with pytest.raises(FileNotFoundError):
            retry(write, workdir / "rows")
    assert len(tries) > 3


@pytest.fixture
def saved(tmp_path, failing, monkeypatch):
    """A folder for one checkpoint, which has that of step 1; its removals fail as `failing`."""
    writer = checkpoints.Checkpoints(tmp_path, keep=1)
    writer.save(leaves(1))

    def rmtree(path, *args, original=shutil.rmtree, **kwargs):
        if failing:
            number = failing.pop()
            raise OSError(number, os.strerror(number))
        original(path, *args, **kwargs)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    return writer


def leaves(step):
    return {"step": np.array(step)}


@pytest.mark.parametrize("step", [2, 0])  # the best checkpoint of a run that began again
def test_a_save_is_not_repeated_where_only_the_removal_of_the_one_before_failed(
    saved, failing, step
):
    failing += [errno.EIO]
    saved.save(leaves(step))
    saved.close()
    assert checkpoints.steps(saved.directory) == [step]


def test_a_removal_that_fails_does_not_repeat_the_save_before(saved, failing):
    while not checkpoints.steps(saved.directory):
        time.sleep(0.01)
    failing += [errno.EIO]
    with pytest.raises(UserError, match="Input/output error"):
        saved.delete(1)
    assert not failing
