import dataclasses
import json
import os
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.sample import sample
from jaxgan.config.errors import TrainingDiverged, UserError
from jaxgan.config.schema import AdamConfig, OptimizerConfig, SaveConfig
from jaxgan.gan import steps
from jaxgan.runs import checkpoints, directory, layout, ledger, row_files
from jaxgan.runs.environment import read_environment
from jaxgan.training import input_pipeline, plotter, progress
from jaxgan.training import loop as train_module
from jaxgan.training.loop import train
from tests import tiny


def rows_without_times(workdir):
    return [{**row, "seconds": 0} for row in row_files.read_rows(workdir)]


def leaves(workdir, step="last"):
    return checkpoints.flatten(checkpoints.load_run(workdir, step)[2])


def assert_same_run(a, b):
    assert rows_without_times(a) == rows_without_times(b)
    assert checkpoints.leaves_sha256(leaves(a)) == checkpoints.leaves_sha256(leaves(b))
    for name in (ledger.LEDGER, ledger.LEAVES):
        assert (a / name).read_bytes() == (b / name).read_bytes()
    for name in os.listdir(a / layout.SAMPLES):
        assert (a / layout.SAMPLES / name).read_bytes() == (b / layout.SAMPLES / name).read_bytes()


def test_a_run_leaves_everything_that_the_run_directory_promises(finished):
    assert sorted(os.listdir(finished)) == [
        ".lock",
        ".writer",
        "checkpoints",
        "config.json",
        "curves.png",
        "environment.json",
        "leaves.jsonl",
        "ledger.tsv",
        "metrics.jsonl",
        "samples",
    ]
    assert checkpoints.steps(finished / "checkpoints") == [12, 24, 36]
    assert sorted(os.listdir(finished / "samples")) == [f"epoch_000{i}.png" for i in (1, 2, 3)]
    rows = row_files.read_rows(finished)
    assert [row["step"] for row in rows] == [4, 8, 12, 16, 20, 24, 28, 32, 36]
    assert rows[-1]["images"] == 36 * 8
    assert rows[-1]["epoch"] == 3
    environment = read_environment(finished)
    assert environment["versions"]["jax"] == jax.__version__
    assert len(environment["data"]["sha256"]) == 64
    grid = np.asarray(Image.open(finished / "samples" / "epoch_0003.png"))
    assert grid.shape == (8 * (54 + 2) + 2,) * 2  # 6 pixels a side, each drawn as 9 x 9


def test_the_same_config_gives_the_same_bits(finished, data, tmp_path):
    train(tiny.config(data, epochs=3), tmp_path / "again")
    assert_same_run(finished, tmp_path / "again")


def test_another_seed_gives_another_run(finished, data, tmp_path):
    config = dataclasses.replace(tiny.config(data, epochs=3), seed=1)
    train(config, tmp_path / "other")
    assert rows_without_times(finished) != rows_without_times(tmp_path / "other")


@pytest.mark.parametrize("chunks_per_epoch", [2, 3])
def test_chunks_do_not_change_the_bits(finished, data, tmp_path, chunks_per_epoch):
    train(tiny.config(data, epochs=3, chunks_per_epoch=chunks_per_epoch), tmp_path / "run")
    assert_same_run(finished, tmp_path / "run")


def test_a_run_of_more_epochs_goes_on_from_a_shorter_one(finished, data, tmp_path):
    train(tiny.config(data, epochs=1), tmp_path / "run")
    outcome = train(tiny.config(data, epochs=3), tmp_path / "run")
    assert (outcome.first_step, outcome.step) == (12, 36)
    assert_same_run(finished, tmp_path / "run")


def test_a_finished_run_does_nothing_more(finished, data):
    before = (finished / "metrics.jsonl").read_bytes()
    outcome = train(tiny.config(data, epochs=3), finished)
    assert outcome.first_step == outcome.step == 36
    assert (finished / "metrics.jsonl").read_bytes() == before


def test_an_error_closes_what_was_open(data, tmp_path, monkeypatch):
    closed = []
    for owner in (progress.Progress, checkpoints.Checkpoints):
        monkeypatch.setattr(owner, "close", lambda self: closed.append(type(self).__name__))
    monkeypatch.setattr(plotter.plots, "save_samples", _fail)
    with pytest.raises(OSError, match="no more pictures"):
        train(tiny.config(data), tmp_path / "run")
    assert closed == ["Progress", "Checkpoints"]


def _fail(*args):
    raise OSError("no more pictures")


def test_curves_are_drawn_while_the_device_works_on_the_next_chunk_and_before_a_checkpoint(
    data, tmp_path, monkeypatch
):
    events = []

    def epoch(*args, run=steps.train_epoch):
        events.append("dispatched")
        return run(*args)

    monkeypatch.setattr(train_module, "train_epoch", tiny.replaced(steps.train_epoch, epoch))

    def save(self, *args, save=checkpoints.Checkpoints.save, **kwargs):
        events.append("saved")
        save(self, *args, **kwargs)

    monkeypatch.setattr(checkpoints.Checkpoints, "save", save)
    monkeypatch.setattr(plotter.plots, "save_curves", lambda *a: events.append("drawn"))
    monkeypatch.setattr(input_pipeline, "LONG_ENOUGH", -1)
    train(tiny.config(data, epochs=3), tmp_path / "run")
    # With LONG_ENOUGH = -1 calls stay at one step, so that an epoch is twelve of them.
    calls = ["dispatched"]
    first, later = calls * 12, [*calls, "drawn", "saved", *calls * 11]
    assert events == [*first, *later, *later, "drawn", "saved"]


def test_a_folder_of_another_config_is_refused_naming_the_field(finished, data):
    config = dataclasses.replace(tiny.config(data, epochs=3), loss="saturating")
    with pytest.raises(UserError, match=r"config\.loss = 'non_saturating', not 'saturating'"):
        train(config, finished)


def test_other_data_under_the_same_name_is_refused(finished, tmp_path):
    other = tiny.write_data(tmp_path / "data", seed=1)
    with pytest.raises(UserError, match="other data"):
        train(tiny.config(other, epochs=3), finished)


def test_a_folder_of_other_files_is_refused_and_left_alone(data, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="holds other files and no run"):
        train(tiny.config(data), tmp_path)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_second_process_on_a_run_is_refused(finished, data):
    with directory._locked(finished), pytest.raises(UserError, match="another process"):
        train(tiny.config(data, epochs=3), finished)


def test_a_batch_larger_than_the_data_leaves_nothing_behind(data, tmp_path):
    with pytest.raises(UserError, match=r"batch_size = 101.*100 examples"):
        train(tiny.config(data, batch_size=101), tmp_path / "run")
    assert os.listdir(tmp_path) == []


def test_a_diverging_run_stops_and_names_the_step(data, tmp_path):
    wild = OptimizerConfig(gen=AdamConfig(learning_rate=1e38), disc=AdamConfig(learning_rate=1e38))
    config = dataclasses.replace(tiny.config(data, epochs=3), optimizer=wild)
    with pytest.raises(
        TrainingDiverged,
        match=r"5 steps in a row had an update that was not finite, up to step \d+; there is no "
        "checkpoint; to begin again in this folder with other random draws: "
        "--config.train.redraw=1; ",
    ):
        train(config, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert any(json.loads(line)["disc/skipped"] > 0 for line in lines)


def test_a_diverging_run_stops_at_the_same_step_if_it_was_stopped_before(data, tmp_path):
    wild = OptimizerConfig(gen=AdamConfig(learning_rate=1e38), disc=AdamConfig(learning_rate=1e38))
    words = []
    for name, lengths in (("whole", [4]), ("parts", [1, 2, 4])):
        for epochs in lengths:
            config = tiny.config(data, epochs=epochs, max_skipped=30)
            config = dataclasses.replace(config, optimizer=wild)
            try:
                train(config, tmp_path / name)
            except TrainingDiverged as error:
                words.append(str(error))
    assert len(words) == 2
    assert words[0] == words[1]
    assert words[0].startswith("30 steps in a row")
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_an_edited_log_does_not_change_when_a_run_stops(data, tmp_path):
    wild = OptimizerConfig(gen=AdamConfig(learning_rate=1e38), disc=AdamConfig(learning_rate=1e38))
    configs = [
        dataclasses.replace(tiny.config(data, epochs=epochs, max_skipped=30), optimizer=wild)
        for epochs in (2, 4)
    ]
    train(configs[0], tmp_path / "run")
    (step,) = [step for step in checkpoints.steps(tmp_path / "run" / "checkpoints") if step == 24]
    assert (
        20
        < checkpoints.read_record(tmp_path / "run" / "checkpoints", step).consecutive_skipped
        <= 24
    )
    rows = row_files.read_rows(tmp_path / "run")
    edited = [json.dumps(row | {"skipped_in_a_row": 0}) + "\n" for row in rows]
    (tmp_path / "run" / "metrics.jsonl").write_text("".join(edited))
    with pytest.raises(TrainingDiverged, match="30 steps in a row"):
        train(configs[1], tmp_path / "run")


def test_a_checkpoint_of_an_older_version_is_restored_without_a_count(finished, tmp_path):
    folder = tmp_path / "checkpoints"
    shutil.copytree(finished / "checkpoints", folder)
    record = folder / "36" / "record" / "metadata"
    older = json.loads(record.read_text())
    assert (older.pop("consecutive_skipped"), older.pop("rows")) == (0, 9)
    record.write_text(json.dumps(older))
    template = checkpoints.load_run(finished)[2]
    assert int(checkpoints.restore(folder, template, 36).step) == 36
    assert checkpoints.read_record(folder, 36) == checkpoints.Record()


def test_a_full_disk_is_one_clear_error(data, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.writing.ocp.CheckpointManager, "save", full)
    with pytest.raises(UserError, match=r"no checkpoint could be saved.*No space left on device"):
        train(tiny.config(data), tmp_path / "run")


def test_only_the_newest_checkpoints_are_kept(data, tmp_path):
    config = dataclasses.replace(tiny.config(data, epochs=5), save=SaveConfig(every=2, keep=2))
    train(config, tmp_path / "run")
    assert checkpoints.steps(tmp_path / "run" / "checkpoints") == [48, 60]


def test_samples_are_a_picture_or_an_array_of_the_same_images(finished, tmp_path):
    for name in ("a.png", "a.npz", "b.npz"):
        assert sample(finished, "last", 9, 4, tmp_path / name) == 36
    images = np.load(tmp_path / "a.npz")["images"]
    assert images.shape == (9, tiny.SIDE, tiny.SIDE, 1)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, np.load(tmp_path / "b.npz")["images"])
    grid = np.asarray(Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(grid[2 : 2 + 54 : 9, 2 : 2 + 54 : 9], images[0, ..., 0])
    sample(finished, "last", 9, 5, tmp_path / "other.npz")
    assert (np.load(tmp_path / "other.npz")["images"] != images).any()


def test_a_step_without_a_checkpoint_lists_those_there_are(finished, tmp_path):
    with pytest.raises(UserError, match=r"no checkpoint of step 5; there are: \[12, 24, 36\]"):
        sample(finished, 5, 1, 0, tmp_path / "a.png")
