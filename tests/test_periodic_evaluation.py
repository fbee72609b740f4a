import dataclasses
import json
import os
import shutil

import jax
import jax.numpy as jnp
import pytest

from jaxgan.cli.sample import sample
from jaxgan.config.errors import UserError
from jaxgan.config.schema import EvaluateConfig, SaveConfig
from jaxgan.data import load_data
from jaxgan.evaluation import evaluate, periodic
from jaxgan.gan.state import build_gan, init_state
from jaxgan.plots import diagnostics
from jaxgan.runs import checkpoints, row_files
from jaxgan.runs.best_checkpoint import BestCheckpoint, read_best
from jaxgan.training.loop import train
from jaxgan.training.plotter import Plotter
from tests import tiny
from tests.figure_data import drawn_figures

CLASSES = "tests.test_evaluate:classifier"
FLAT = "tests.test_evaluate:flat_features"
N = 50
DISTANCE = f"eval/frechet/test/n{N}/{CLASSES}"
ON = EvaluateConfig(every=1, num_samples=N, features=CLASSES)


def measured_config(data, evaluate=ON, **train):
    config = tiny.config(data, **{"epochs": 4} | train)
    save = SaveConfig(every=2, keep=3)
    return dataclasses.replace(config, evaluate=evaluate, save=save, ema=tiny.EMA)


@pytest.fixture(scope="module")
def measured(data, tmp_path_factory):
    """A run of four epochs, evaluated after each."""
    workdir = tmp_path_factory.mktemp("runs") / "measured"
    outcome = train(measured_config(data), workdir)
    return workdir, outcome


def make_evaluator(data, gan_config=None, evaluate=ON):
    config = gan_config or measured_config(data, evaluate)
    train_set = load_data(config.data)
    shape = train_set.pixels.shape[1:]
    gan = build_gan(config, shape)
    state = init_state(gan, shape, jax.random.key(0))
    return (
        periodic.PeriodicEvaluator(config, gan, train_set, jnp.asarray(train_set.pixels)),
        state,
        train_set,
    )


def plain(rows):
    return [
        {name: value for name, value in row.items() if not name.startswith(("eval/", "seconds"))}
        for row in rows
    ]


def fingerprints(workdir):
    return {
        step: checkpoints.leaves_sha256(checkpoints.flatten(checkpoints.load_run(workdir, step)[2]))
        for step in checkpoints.steps(workdir / "checkpoints")
    }


def test_evaluations_do_not_change_the_bits_of_a_run(measured, data, tmp_path, monkeypatch):
    workdir, _ = measured
    monkeypatch.setattr(Plotter, "save_curves", lambda self, rows: None)
    train(measured_config(data, EvaluateConfig()), tmp_path / "off")
    assert not (tmp_path / "off" / "best").exists()
    assert fingerprints(workdir) == fingerprints(tmp_path / "off")
    rows, bare = row_files.read_rows(workdir), row_files.read_rows(tmp_path / "off")
    assert json.dumps(plain(rows)) == json.dumps(plain(bare))
    assert not any(name.startswith("eval/") for row in bare for name in row)
    for name in os.listdir(workdir / "samples"):
        assert (workdir / "samples" / name).read_bytes() == (
            tmp_path / "off" / "samples" / name
        ).read_bytes()


def test_the_last_row_of_an_evaluated_epoch_has_names_with_split_count_and_net(measured):
    workdir, _ = measured
    rows = row_files.read_rows(workdir)
    for row in rows:
        assert (DISTANCE in row) == (row["epoch"] == int(row["epoch"]))
    fractions = rows[-1][f"eval/class_fractions/generated/n{N}/{CLASSES}"]
    assert sum(fractions) == pytest.approx(1)
    names = {name.split("/")[1] for name in rows[-1] if name.startswith("eval/")}
    assert names == {
        *("frechet", "class_distance", "class_fractions", "copying"),
        *("disc_accuracy", "disc_auc", "disc_calibration_error"),
        *("disc_logit_gap", "disc_accuracy_gap"),
    }


def test_epochs_between_are_not_evaluated_and_the_last_always_is(data, tmp_path, monkeypatch):
    monkeypatch.setattr(Plotter, "save_curves", lambda self, rows: None)
    config = measured_config(data, dataclasses.replace(ON, every=2), epochs=3)
    train(config, tmp_path / "run")
    measured = [row["epoch"] for row in row_files.read_rows(tmp_path / "run") if DISTANCE in row]
    assert measured == [2, 3]


def test_the_best_is_the_lowest_distance_and_can_be_sampled_and_loaded(measured, tmp_path):
    workdir, outcome = measured
    rows = [row for row in row_files.read_rows(workdir) if DISTANCE in row]
    lowest = min(rows, key=lambda row: row[DISTANCE])
    assert checkpoints.steps(workdir / "best") == [lowest["step"]]
    assert tuple(read_best(workdir / "best")) == (lowest["step"], DISTANCE, lowest[DISTANCE])
    assert [(end.step, end.value) for end in outcome.distances] == [
        (48, rows[-1][DISTANCE]),
        (lowest["step"], lowest[DISTANCE]),
    ]
    assert sample(workdir, "best", 1, 0, tmp_path / "a.png") == lowest["step"]
    assert sample(workdir, "last", 1, 0, tmp_path / "a.png") == 48


def test_the_best_is_scored_into_a_file_of_its_own(measured, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(measured[0], workdir)
    for step in ("last", "best", 24):
        evaluate.evaluate(workdir, N, step=step, features=FLAT, metrics=["frechet"])
    steps = {
        path.name: json.loads(path.read_text())["protocol"]["step"]
        for path in workdir.glob("evaluation*.json")
    }
    assert steps == {
        "evaluation.json": 48,
        "evaluation_best.json": read_best(workdir / "best").step,
        "evaluation_24.json": 24,
    }


STOPS = [
    (owner, name, call)
    for owner, name in (
        (row_files, "append_rows"),
        (BestCheckpoint, "update"),
        (checkpoints.Checkpoints, "save"),
    )
    for call in (2, 3)
]


@pytest.mark.parametrize(
    ("owner", "name", "call"), STOPS, ids=[f"{name}-{call}" for _, name, call in STOPS]
)
def test_a_run_stopped_before_any_write_has_the_same_best_when_resumed(
    measured, data, tmp_path, monkeypatch, owner, name, call
):
    calls, original = [], getattr(owner, name)

    def write(*args, **kwargs):
        calls.append(args)
        if len(calls) == call:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(Plotter, "save_curves", lambda self, rows: None)
    monkeypatch.setattr(owner, name, write)
    with pytest.raises(KeyboardInterrupt):
        train(measured_config(data), tmp_path / "run")
    monkeypatch.setattr(owner, name, original)
    train(measured_config(data), tmp_path / "run")
    whole, _ = measured
    assert read_best(tmp_path / "run" / "best") == read_best(whole / "best")
    with_scores = [
        [{**r, "seconds": 0} for r in row_files.read_rows(d)] for d in (whole, tmp_path / "run")
    ]
    assert with_scores[0] == with_scores[1]


def test_the_best_is_on_the_disk_before_a_checkpoint_from_which_a_run_may_resume(
    data, tmp_path, monkeypatch
):
    def save(self, leaves, score=None, original=checkpoints.Checkpoints.save, **kwargs):
        if score is None:
            rows = [r for r in row_files.read_rows(tmp_path / "run") if DISTANCE in r]
            lowest = min(rows, key=lambda row: row[DISTANCE])
            assert read_best(tmp_path / "run" / "best").step == lowest["step"]
        return original(self, leaves, score, **kwargs)

    monkeypatch.setattr(checkpoints.Checkpoints, "save", save)
    monkeypatch.setattr(Plotter, "save_curves", lambda self, rows: None)
    train(measured_config(data, epochs=2), tmp_path / "run")


def test_a_feature_net_that_is_not_known_is_refused_before_training(data, tmp_path):
    config = measured_config(data, dataclasses.replace(ON, features="incption"))
    with pytest.raises(UserError, match=r"every = 1: unknown features 'incption'"):
        train(config, tmp_path / "run")
    assert os.listdir(tmp_path) == []


def test_a_feature_net_that_does_not_take_the_images_is_refused_before_training(data, tmp_path):
    config = measured_config(data, dataclasses.replace(ON, features="stacked_mnist"))
    with pytest.raises(UserError, match=r"every = 1: features 'stacked_mnist': images of shape"):
        train(config, tmp_path / "run")
    assert os.listdir(tmp_path) == []


def test_an_evaluation_takes_as_many_images_as_there_are_and_says_so(data, caplog):
    caplog.set_level("INFO", "jaxgan")
    config = measured_config(data, dataclasses.replace(ON, num_samples=101))
    evaluator, _, train_set = make_evaluator(data, config)
    assert evaluator.num_samples == 100
    assert "/n100/" in evaluator.distance_name
    words = (
        "evaluations compare 100 images and not 101, since the train split of 'tiny' has no more"
    )
    assert words in caplog.text
    one = dataclasses.replace(train_set, pixels=train_set.pixels[:1])
    with pytest.raises(UserError, match="there are 1 images to compare; must be at least 2"):
        periodic.fitting_samples(config, one)


def test_without_evaluations_there_is_no_best(data, tmp_path):
    train(tiny.config(data, epochs=1), tmp_path / "run")
    with pytest.raises(UserError, match=r"no best checkpoint; config.evaluate.every is 0"):
        checkpoints.load_run(tmp_path / "run", "best")


def test_the_diagnostics_are_drawn_whatever_a_row_lacks(measured, tmp_path):
    workdir, _ = measured
    assert {"diagnostics.png", "memorisation.png"} <= set(os.listdir(workdir))
    rows = [{"step": 1, "epoch": 1.0}, {"step": 2, "epoch": 2.0, DISTANCE: None}]
    full = [row for row in row_files.read_rows(workdir) if DISTANCE in row]
    for part in (rows, full[:1]):
        with drawn_figures():
            diagnostics.save_diagnostics(tmp_path / "d.png", part, "title")
        assert (tmp_path / "d.png").exists()
    assert diagnostics.series(rows + full, "eval/frechet")[1] == [row[DISTANCE] for row in full]
