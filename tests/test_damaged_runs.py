"""Damaged run directories are reported, repaired or refused."""

import contextlib
import dataclasses
import logging
import random
import shutil

import numpy as np
import orbax.checkpoint
import pytest

from jaxgan.cli.sample import sample
from jaxgan.config.errors import UserError
from jaxgan.config.schema import SaveConfig
from jaxgan.reproducibility.record_diff import config_diff, environment_diff
from jaxgan.runs import checkpoints, directory, layout, ledger, row_files
from jaxgan.runs.report import report
from jaxgan.training.loop import train
from tests import tiny
from tests.fault_kinds import damage_file
from tests.test_train import assert_same_run


def arrays_of(folder):
    """The files that hold the arrays; Orbax leaves copies of some elsewhere."""
    return [path for path in (folder / "state" / "d").iterdir() if path.is_file()]


def damage_missing_file(folder):
    for path in arrays_of(folder):
        path.unlink()


def damage_flipped_bit(folder):
    largest = max(arrays_of(folder), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


def damage_truncated(folder):
    for path in arrays_of(folder):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_emptied(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def damage_record_key(folder):
    path = folder / "record" / "metadata"
    path.write_text(path.read_text().replace("sha256", "sha254"))


def damage_record_to_null(folder):
    (folder / "record" / "metadata").write_text("null")


@pytest.mark.parametrize(
    "damage",
    [
        damage_missing_file,
        damage_flipped_bit,
        damage_truncated,
        damage_emptied,
        damage_record_key,
        damage_record_to_null,
    ],
)
def test_a_damaged_newest_checkpoint_is_passed_over(finished, data, tmp_path, capsys, damage):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    damage(workdir / "checkpoints" / "36")
    outcome = train(tiny.config(data, epochs=3), workdir)
    assert outcome.first_step == 24
    assert "36: damaged checkpoint" in capsys.readouterr().err
    assert_same_run(finished, workdir)
    assert (workdir / "checkpoints" / "36.damaged").is_dir()
    assert checkpoints.steps(workdir / "checkpoints") == [12, 24, 36]


def test_a_damaged_newest_checkpoint_is_passed_over_by_sample_too(finished, tmp_path, capsys):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    damage_flipped_bit(workdir / "checkpoints" / "36")
    assert sample(workdir, "last", 1, 0, tmp_path / "a.png") == 24
    assert "36: damaged checkpoint" in capsys.readouterr().err
    with pytest.raises(UserError, match="36: damaged checkpoint"):
        sample(workdir, 36, 1, 0, tmp_path / "a.png")


def test_deleted_rows_are_named_in_a_warning(finished, data, tmp_path, capsys):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    (workdir / "metrics.jsonl").unlink()
    train(tiny.config(data, epochs=4), workdir)
    assert "metrics.jsonl: 9 of 9 rows up to step 36 are gone" in capsys.readouterr().err
    assert [row["step"] for row in row_files.read_rows(workdir)] == [40, 44, 48]


@pytest.mark.parametrize(
    "name",
    [layout.CONFIG, layout.ENVIRONMENT, layout.METRICS, layout.LEDGER, layout.LEAVES],
)
def test_a_record_with_any_damage_is_read_or_refused(finished, data, tmp_path, name):
    """No other error may come of it: the command line would print it as a traceback."""
    workdir, chance = tmp_path / "run", random.Random(name)
    shutil.copytree(finished, workdir)
    config = directory.read_config(finished)
    for _ in range(20):
        shutil.copy(finished / name, workdir / name)
        damage_file(workdir / name, chance)
        readers = (
            lambda: report(workdir),
            lambda: [*config_diff(finished, workdir), *environment_diff(finished, workdir)],
            lambda: directory.check_workdir(workdir, config),
            lambda: (ledger.drop_after(workdir, 24), row_files.drop_rows_after(workdir, 24)),
        )
        for read in readers:
            with contextlib.suppress(UserError):
                read()


def test_lines_cut_off_a_ledger_are_named_in_a_warning(finished, data, tmp_path, capsys):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    path = workdir / layout.LEDGER
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:31]))
    (workdir / layout.LEAVES).write_text("")
    train(tiny.config(data, epochs=3), workdir)
    err = capsys.readouterr().err
    assert "ledger.tsv: 6 rows up to step 36 are gone, the first of them that of step 31" in err
    assert "leaves.jsonl: 3 rows up to step 36 are gone, the first of them that of step 12" in err


def test_a_run_with_every_checkpoint_damaged_is_refused(finished, data, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    for step in (12, 24, 36):
        damage_emptied(workdir / "checkpoints" / str(step))
    with pytest.raises(UserError, match="every checkpoint is damaged"):
        train(tiny.config(data, epochs=3), workdir)


def test_a_metrics_file_cut_in_the_middle_of_a_row_is_repaired(finished, data, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    shutil.rmtree(workdir / "checkpoints" / "36")
    metrics = workdir / "metrics.jsonl"
    metrics.write_bytes(metrics.read_bytes()[:-40])
    train(tiny.config(data, epochs=3), workdir)
    assert_same_run(finished, workdir)


def test_surplus_checkpoints_left_by_a_kill_are_removed(finished, data, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    damage_emptied(workdir / "checkpoints" / "12")  # a kill in the middle of removing it
    config = dataclasses.replace(tiny.config(data, epochs=3), save=SaveConfig(every=1, keep=2))
    train(config, workdir)
    assert checkpoints.steps(workdir / "checkpoints") == [24, 36]


def test_a_checkpoint_left_half_written_by_a_kill_is_removed_even_from_a_finished_run(
    finished, data, tmp_path
):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    left = workdir / "checkpoints" / "48.orbax-checkpoint-tmp"
    shutil.copytree(workdir / "checkpoints" / "36", left)
    train(tiny.config(data, epochs=3), workdir)
    assert not left.exists()
    assert checkpoints.steps(workdir / "checkpoints") == checkpoints.steps(finished / "checkpoints")


def test_a_finished_run_draws_missing_curves(finished, data, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    (workdir / layout.CURVES).unlink()
    train(tiny.config(data, epochs=3), workdir)
    assert (workdir / layout.CURVES).read_bytes() == (finished / layout.CURVES).read_bytes()


def test_what_threads_of_orbax_log_is_hidden_while_checkpoints_are_open(tmp_path, caplog):
    absl = logging.getLogger("absl")
    before = list(absl.filters)
    writer = checkpoints.Checkpoints(tmp_path, keep=1)
    writer.save({"step": np.array(1)})
    for path in (orbax.checkpoint.__file__, __file__):
        absl.handle(absl.makeRecord("absl", logging.ERROR, path, 1, f"in {path}", (), None))
    assert caplog.messages == [f"in {__file__}"]
    writer.close()
    assert absl.filters == before
