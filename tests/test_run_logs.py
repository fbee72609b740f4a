"""TensorBoard and Weights & Biases: each step once, also after a kill, and no bit of the run."""

import dataclasses
import importlib.util
import json
import math
import shutil
import struct

import numpy as np
import pytest

from jaxgan.cli.main import main
from jaxgan.config import packages
from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config, LogConfig
from jaxgan.runs import layout, row_files
from jaxgan.runs.plan import make_step_plan
from jaxgan.training import run_logs, run_writer
from jaxgan.training.histograms import BINS, histogram_row, histograms_in
from jaxgan.training.loop import train
from jaxgan.training.train_seeds import train_seeds
from jaxgan.training.wandb_log import run_id
from tests import tiny

event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")


def logged(data, **settings):
    config = tiny.config(data, **{"epochs": 3} | settings)
    return dataclasses.replace(config, log=LogConfig(tensorboard=True))


def events(workdir):
    """The events of a run's only file that is not empty: records of length, CRC, bytes, CRC."""
    path = event_file(workdir)
    content, found, at = path.read_bytes(), [], 0
    while at < len(content):
        (size,) = struct.unpack_from("<Q", content, at)
        found.append(event_pb2.Event.FromString(content[at + 12 : at + 12 + size]))
        at += 12 + size + 4
    return found


def event_file(workdir):
    (path,) = (path for path in (workdir / layout.TENSORBOARD).iterdir() if path.stat().st_size)
    return path


def points(workdir):
    """The scalars of an event file: (name, step) and value of each, in their order."""
    return [
        ((value.tag, event.step), value.simple_value)
        for event in events(workdir)
        for value in event.summary.value
        if value.HasField("simple_value")
    ]


def expected_points(workdir):
    """The scalars that the rows of a run have."""
    return {
        (name, row["step"]): value
        for row in row_files.read_rows(workdir)
        for name, value in row.items()
        if name != "step" and isinstance(value, int | float)
    }


def check_each_point_once(workdir):
    found, expected = points(workdir), expected_points(workdir)
    assert len(found) == len(dict(found)) == len(expected) > 40
    for place, value in found:
        assert value == pytest.approx(expected[place], rel=1e-6)


def steps_of(workdir, kind):
    return [
        (value.tag, event.step)
        for event in events(workdir)
        for value in event.summary.value
        if value.HasField(kind)
    ]


@pytest.fixture(scope="module")
def with_log(data, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("logged") / "run"
    train(logged(data), workdir)
    return workdir


def test_the_event_file_has_each_number_of_the_rows_once(with_log):
    check_each_point_once(with_log)
    first, restart, *others = events(with_log)
    assert first.file_version == "brain.Event:2"
    assert restart.session_log.status == event_pb2.SessionLog.START
    times = [event.wall_time for event in others]
    assert times == sorted(times)


def test_the_event_file_has_the_pictures_of_the_samples(with_log):
    assert steps_of(with_log, "image") == [("samples", step) for step in (12, 24, 36)]
    images = [v.image for e in events(with_log) for v in e.summary.value if v.HasField("image")]
    path = with_log / layout.SAMPLES / "epoch_0003.png"
    assert images[-1].encoded_image_string == path.read_bytes()
    assert images[-1].colorspace == 1


def test_the_event_file_has_histograms_of_the_weights_at_each_checkpoint(with_log):
    found = steps_of(with_log, "histo")
    assert {step for _, step in found} == {12, 24, 36}
    assert ("disc.params.Linear_0.dense.kernel", 36) in found
    assert len(found) == len(set(found))


def test_logs_change_no_bit_of_the_run(with_log, finished):
    for name in (layout.LEDGER, layout.LEAVES):
        assert (with_log / name).read_bytes() == (finished / name).read_bytes()
    assert not (finished / layout.TENSORBOARD).exists()
    assert not (finished / layout.HISTOGRAMS).exists()


class Killed(BaseException):
    pass


def test_a_run_that_is_killed_and_resumed_has_each_point_once(
    data, tmp_path, with_log, monkeypatch
):
    workdir, config = tmp_path / "run", logged(data)
    config = dataclasses.replace(config, save=dataclasses.replace(config.save, every=2))

    def killed_after(step):
        write = run_writer.RunLogs.add

        def add(self, rows, grid):
            write(self, rows, grid)
            if rows[-1]["step"] >= step:
                raise Killed

        return add

    # After the rows of the third epoch; the newest checkpoint is that of the second.
    with monkeypatch.context() as patch:
        patch.setattr(run_writer.RunLogs, "add", killed_after(36))
        with pytest.raises(Killed):
            train(config, workdir)
    assert row_files.read_rows(workdir)[-1]["step"] == 36
    # The last record is cut, as by a kill while it is written.
    path = event_file(workdir)
    path.write_bytes(path.read_bytes()[:-5])
    train(config, workdir)
    # A TensorBoard that reads the old file goes on to the new one only if it is still there.
    assert path.exists()
    check_each_point_once(workdir)
    assert steps_of(workdir, "image") == steps_of(with_log, "image")
    assert {step for _, step in steps_of(workdir, "histo")} == {24, 36}
    assert len(steps_of(workdir, "histo")) == len(set(steps_of(workdir, "histo")))


def test_histograms_are_rolled_back_without_a_log_too(data, tmp_path, with_log):
    workdir = tmp_path / "run"
    shutil.copytree(with_log, workdir)
    shutil.rmtree(workdir / layout.CHECKPOINTS / "36")
    train(dataclasses.replace(logged(data), log=LogConfig()), workdir)
    assert row_files.read_rows(workdir)[-1]["step"] == 36
    assert [row["step"] for row in row_files.read_rows(workdir, layout.HISTOGRAMS)] == [12, 24]


def test_a_log_that_is_turned_on_later_has_the_whole_run(data, tmp_path):
    config = logged(data, epochs=1)
    train(dataclasses.replace(config, log=LogConfig()), tmp_path / "run")
    train(logged(data, epochs=2), tmp_path / "run")
    check_each_point_once(tmp_path / "run")
    assert [step for _, step in steps_of(tmp_path / "run", "image")] == [12, 24]


def test_each_seed_has_an_event_file_of_its_own(data, tmp_path):
    config = dataclasses.replace(logged(data, epochs=1), seeds=(0, 1))
    train_seeds(config, tmp_path / "run")
    for seed in (0, 1):
        check_each_point_once(tmp_path / "run" / f"seed_000{seed}")


def test_a_histogram_counts_every_finite_weight():
    leaves = {
        "step": np.array(7),
        "gen.params.kernel": np.array([[0.0, 1.0], [2.0, np.nan]], np.float32),
        "gen.params.lost": np.array([np.inf], np.float32),
        "gen.opt_state.mu": np.ones(3, np.float32),
    }
    row = histogram_row(leaves, {"epoch": 1.0, "seconds": 2.0, "disc/loss": 0.5})
    (name, found), *others = json.loads(json.dumps(histograms_in(row))).items()
    assert (name, others) == ("gen.params.kernel", [])
    low, high, total, squares, counts = found
    assert (low, high, total, squares) == (0.0, 2.0, 3.0, 5.0)
    assert len(counts) == BINS
    assert sum(counts) == 3


@pytest.mark.parametrize(
    ("setting", "words"),
    [("tensorboard", "pip install 'jaxgan[tensorboard]'"), ("wandb", "pip install 'wandb'")],
)
def test_a_missing_package_is_named_before_anything_is_loaded(
    setting, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    workdir = tmp_path / "run"
    flags = ["--config", "mnist", "--workdir", str(workdir), f"--config.log.{setting}=True"]
    assert main(flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"jaxgan: error: config.log.{setting} = True: the package")
    assert words in line
    assert not workdir.exists()


def test_a_folder_with_the_name_of_a_package_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "logs_of_wandb").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(packages.PACKAGES, "wandb", ("logs_of_wandb", "wandb"))
    with pytest.raises(UserError, match="the package logs_of_wandb is not installed"):
        packages.check_packages(Config(log=LogConfig(wandb=True)))


def test_a_log_needs_its_package_only_where_a_run_trains(with_log, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="tensorboardX"):
        train(dataclasses.replace(Config(), log=LogConfig(tensorboard=True)), with_log)
    assert main(["report", "--workdir", str(with_log)]) == 0


def test_the_id_of_a_run_is_that_of_its_folder_data_and_fixed_settings(tmp_path):
    config = Config()
    own = run_id(tmp_path, config, "a")
    longer = dataclasses.replace(config, train=dataclasses.replace(config.train, epochs=99))
    assert run_id(tmp_path, longer, "a") == own
    others = [
        run_id(tmp_path / "other", config, "a"),
        run_id(tmp_path, config, "b"),
        run_id(tmp_path, dataclasses.replace(config, seed=1), "a"),
    ]
    assert len({own, *others}) == 4


def test_weights_and_biases_gets_the_rows_offline(data, tmp_path, monkeypatch, finished):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    config = dataclasses.replace(tiny.config(data, epochs=3), log=LogConfig(wandb=True))
    train(config, tmp_path / "run")
    assert (tmp_path / "run" / layout.LEDGER).read_bytes() == (
        finished / layout.LEDGER
    ).read_bytes()
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    assert folder.name.endswith(run_id(tmp_path / "run", config, read_sha256(tmp_path / "run")))
    assert len(list(folder.rglob("*.png"))) == 3
    train(config, tmp_path / "run")  # goes on under the same id
    assert len(list((tmp_path / "run" / "wandb").glob(f"offline-run-*{folder.name[-16:]}"))) == 2


def test_a_refusal_of_weights_and_biases_closes_the_other_log(data, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise UserError("no account")

    def record_close(log):
        closed.append(log)
        close(log)

    closed, close = [], run_logs.TensorBoardLog.close
    monkeypatch.setattr(run_logs, "WandbLog", refuse)
    monkeypatch.setattr(run_logs.TensorBoardLog, "close", record_close)
    log = LogConfig(tensorboard=True, wandb=True)
    config = dataclasses.replace(tiny.config(data), log=log)
    plan = make_step_plan(config.train, tiny.EXAMPLES)
    with pytest.raises(UserError, match="no account"):
        run_logs.RunLogs(tmp_path, config, plan, [], "")
    assert len(closed) == 1


def read_sha256(workdir):
    return json.loads((workdir / layout.ENVIRONMENT).read_text())["data"]["sha256"]


def test_a_number_that_is_not_finite_is_a_point_too():
    from jaxgan.training.run_logs import _scalars

    row = {"step": 3, "disc/loss": None, "epoch": 1.0, "eval/class_fractions/generated": [0.5, 0.5]}
    found = _scalars(row)
    assert math.isnan(found.pop("disc/loss"))
    assert found == {"epoch": 1.0}
