import dataclasses
import json
import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.data import load_data
from jaxgan.evaluation.evaluate import evaluate
from jaxgan.evaluation.text_table import table
from jaxgan.gan import sampling
from jaxgan.metrics.packaged_nets import COLOUR, PINNED
from jaxgan.runs import checkpoints
from jaxgan.runs.checkpoint_ref import evaluation_file
from jaxgan.training.loop import train
from jaxgan.types import to_images
from tests import tiny

FLAT = "tests.test_evaluate:flat_features"
CLASSES = "tests.test_evaluate:classifier"
N = 50
NAME = f"frechet/train/n{N}/{CLASSES}"
KEPT = 8  # pixels that the flat features keep: few, so that 50 samples say something


def flat_features(pixels):
    return pixels.reshape(len(pixels), -1)[:, :KEPT] / 255.0


def classifier(pixels):
    """Classifies images by the mean of their first pixels, into four classes."""
    features = flat_features(pixels)
    logits = -((features.mean(axis=1, keepdims=True) - [0.3, 0.45, 0.55, 0.7]) ** 2) * 200
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return features, weights / weights.sum(axis=1, keepdims=True)


def features_of_mnist_shape(pixels):
    if pixels.shape[1:] != (28, 28, 1):
        raise ValueError(f"images of {pixels.shape[1:]}")
    return flat_features(pixels)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A run of two checkpoints that keeps an average."""
    workdir = tmp_path_factory.mktemp("runs") / "averaged"
    config = dataclasses.replace(tiny.config(data), ema=tiny.EMA)
    train(config, workdir)
    return workdir


@pytest.fixture(scope="module")
def plain_run(data, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "plain"
    train(tiny.config(data, epochs=1), workdir)
    return workdir


@pytest.fixture(scope="module")
def result(run):
    return evaluate(run, N, features=CLASSES)


def contents(workdir):
    return {
        path.relative_to(workdir): path.read_bytes()
        for path in workdir.rglob("*")
        if path.is_file() and path.name != evaluation_file("last")
    }


def emit(pixels_of_count):
    """Replaces the generator by a function from a count to images."""

    def generate(gan, params, stats, z, labels):
        del gan, params, stats, labels
        return pixels_of_count(len(z))

    return generate


def test_images_of_the_training_set_score_as_the_real_baseline(plain_run, data, monkeypatch):
    unseen = jnp.asarray(load_data(tiny.config(data).data).pixels[50:75])  # baseline: 25 to 50
    monkeypatch.setattr(sampling, "generate", emit(lambda count: to_images(unseen[:count])))
    scored = evaluate(plain_run, 25, features=CLASSES)
    for split in ("train", "test"):
        assert 0.4 < scored["ratios"]["generator"][f"frechet/{split}/n25/{CLASSES}"] < 2.5
        value = scored["metrics"]["generator"][f"coverage/{split}/n25/{CLASSES}"]
        floor = scored["metrics"]["floor"][f"coverage/{split}/n25/{CLASSES}"]
        assert abs(value - floor) < 0.3


def test_constant_images_cover_nothing_and_fall_in_one_class(plain_run, monkeypatch):
    grey = jnp.zeros((N, tiny.SIDE, tiny.SIDE, 1))
    monkeypatch.setattr(sampling, "generate", emit(lambda count: grey[:count]))
    scored = evaluate(plain_run, N, features=CLASSES)
    found, floor = scored["metrics"]["generator"], scored["metrics"]["floor"]
    assert found[f"coverage/train/n{N}/{CLASSES}"] < floor[f"coverage/train/n{N}/{CLASSES}"] / 2
    assert found[f"recall/train/n{N}/{CLASSES}"] == 0
    assert found[f"classifier_score/train/n{N}/{CLASSES}"] == pytest.approx(1)
    assert scored["ratios"]["generator"][NAME] > 5
    assert max(scored["histograms"]["generator"]) == 1


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others(run, result):
    state = np.random.get_state()[1].copy()
    assert evaluate(run, N, features=CLASSES) == result
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    other = evaluate(run, N, seed=1, features=CLASSES)
    assert other["metrics"]["generator"][NAME] != result["metrics"]["generator"][NAME]
    assert other["metrics"]["floor"][NAME] == result["metrics"]["floor"][NAME]


def test_an_evaluation_changes_nothing_else_in_the_run_directory(run):
    before = contents(run)
    evaluate(run, N, features=FLAT, metrics=["frechet"])
    assert contents(run) == before


def test_both_weights_are_scored_where_there_is_an_average(run, plain_run, result):
    assert list(result["metrics"]) == ["generator", "raw_generator", "floor"]
    assert result["protocol"]["weights"] == "averaged"
    assert result["metrics"]["generator"][NAME] != result["metrics"]["raw_generator"][NAME]
    plain = evaluate(plain_run, N, features=FLAT, metrics=["frechet"])
    assert list(plain["metrics"]) == ["generator", "floor"]
    assert plain["protocol"]["weights"] == "raw"


def test_the_file_holds_the_result_in_strict_json_under_comparable_names(run):
    result = evaluate(run, N, features=CLASSES)

    def refuse(constant):
        raise AssertionError(constant)

    text = (run / evaluation_file("last")).read_text()
    assert json.loads(text, parse_constant=refuse) == result
    for group in (*result["metrics"].values(), *result["ratios"].values()):
        for name in group:
            metric, split, count, net = name.split("/")
            assert metric
            assert split in ("train", "test")
            assert (count, net) == (f"n{N}", CLASSES)
    protocol = result["protocol"]
    assert (protocol["step"], protocol["seed"], protocol["num_samples"]) == (24, 0, N)
    assert protocol["floor"] == {"train": "train images 51 to 100", "test": "train images 1 to 50"}
    assert len(protocol["data_sha256"]["test"]) == 64


def test_the_real_baseline_is_the_test_set_where_the_training_set_is_too_small_for_two(run):
    found = evaluate(run, N + 1, features=FLAT, metrics=["frechet"])
    assert found["protocol"]["floor"]["train"] == "test images 1 to 51"
    floor = found["metrics"]["floor"]
    train_floor, test_floor = (floor[f"frechet/{s}/n{N + 1}/{FLAT}"] for s in ("train", "test"))
    assert train_floor == pytest.approx(test_floor)


def test_the_table_has_the_protocol_above_and_the_ratio_beside(result):
    text = table(result)
    lines = text.splitlines()
    assert "step 24, tiny; 50 samples in each set, seed 0" in lines[0]
    assert CLASSES in lines[1]
    assert "averaged weights" in lines[2]
    assert "against train images 1 to 50 (real baseline: train images 51 to 100)" in text
    ratio = result["ratios"]["generator"][NAME]
    line = next(line for line in lines if line.startswith("frechet"))
    assert f"{result['metrics']['generator'][NAME]:.4g} ({ratio:.4g} x)" in line
    for name in ("kernel_spread", "coverage", "classifier_score_10", "class 3"):
        assert f"\n{name} " in text
    shown = {**result, "metrics": {"floor": {NAME: None}}, "histograms": {}}
    assert "not finite" in table(shown)


def test_a_net_without_classes_leaves_their_metrics_out(plain_run):
    found = evaluate(plain_run, N, features=FLAT)
    assert found["histograms"] == {}
    assert {name.split("/")[0] for name in found["metrics"]["generator"]} == {
        *("frechet", "kernel", "kernel_spread", "precision", "recall", "density", "coverage")
    }


WRONG = {
    "too many samples": ({"num_samples": 101}, r"num_samples = 101: tiny train has 100 images"),
    "too few samples": ({"num_samples": 9}, r"classifier_score needs at least 10"),
    "an unknown metric": ({"metrics": ["fid"]}, r"unknown metric 'fid'; known: frechet, kernel"),
    "a step that is not there": ({"step": 5}, r"no checkpoint of step 5; there are: \[12, 24\]"),
    "an unknown net": ({"features": "incption"}, r"unknown features 'incption'; known: mnist"),
    "a net of other images": (
        {"features": "tests.test_evaluate:features_of_mnist_shape"},
        r"features_of_mnist_shape.*\(6, 6, 1\)",
    ),
    "classes of a net without": (
        {"features": FLAT, "metrics": ["class_histogram"]},
        r"'class_histogram': needs class probabilities",
    ),
    "a negative seed": ({"seed": -1}, r"seed = -1: must be a whole number from 0"),
}


def test_images_without_a_net_of_their_own_are_scored_in_that_for_any_images(plain_run):
    found = evaluate(plain_run, N, metrics=["frechet"])
    assert found["protocol"]["features"] == COLOUR
    assert found["metrics"]["generator"][f"frechet/test/n{N}/{COLOUR}-{PINNED[COLOUR][:8]}"] > 0


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_before_anything_is_generated(name, run, monkeypatch):
    def never(*arguments):
        raise AssertionError("generated")

    monkeypatch.setattr(sampling, "generate", never)
    (run / evaluation_file("last")).unlink(missing_ok=True)
    options, message = WRONG[name]
    with pytest.raises(UserError, match=message):
        evaluate(run, **{"num_samples": N, "features": CLASSES} | options)
    assert not (run / evaluation_file("last")).exists()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        evaluate(tmp_path, N, features=FLAT)
    assert os.listdir(tmp_path) == []


def test_the_folder_of_a_run_may_be_text_with_a_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match=f"{tmp_path}/gone: holds no run"):
        evaluate("~/gone", N, features=FLAT)


def test_other_data_than_the_run_saw_is_refused(plain_run, tmp_path):
    shutil.copytree(plain_run, tmp_path / "run")
    path = tmp_path / "run" / "environment.json"
    environment = json.loads(path.read_text())
    environment["data"]["sha256"] = "0" * 64
    path.write_text(json.dumps(environment))
    with pytest.raises(UserError, match="its run saw other data"):
        evaluate(tmp_path / "run", N, features=FLAT)


def test_a_run_without_a_checkpoint_is_refused(run, tmp_path):
    for name in ("config.json", "environment.json"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    with pytest.raises(UserError, match="no checkpoint yet"):
        evaluate(tmp_path, N, features=FLAT)


def test_a_generator_that_gives_nan_is_refused_naming_the_steps(run, monkeypatch):
    def load(workdir, step="last"):
        config, gan, state = checkpoints_load(workdir, step)
        return config, gan, state.replace(ema_params=jax.tree.map(_nan, state.ema_params))

    checkpoints_load = checkpoints.load_run
    monkeypatch.setattr(checkpoints, "load_run", load)
    with pytest.raises(UserError, match=r"generator of step 24 gives NaN.*50 of 50.*\[12, 24\]"):
        evaluate(run, N, features=FLAT)


def _nan(leaf):
    return leaf * np.float32(np.nan)


def test_images_come_in_blocks_of_one_size_and_none_is_lost(plain_run, monkeypatch):
    sizes = []

    def generate(gan, params, stats, z, labels):
        del gan, params, stats, labels
        sizes.append(len(z))
        return jnp.full((len(z), 2, 2, 1), len(sizes) / 10)

    monkeypatch.setattr(sampling, "generate", generate)
    monkeypatch.setattr(sampling, "BLOCK", 8)
    _, gan, _ = checkpoints.load_run(plain_run)
    pixels, bad = sampling.generate_finite(gan, {}, {}, 20, jax.random.key(0))
    assert (sizes, pixels.shape, bad) == ([8, 8, 8], (20, 2, 2, 1), 0)
    assert len(np.unique(pixels)) == 3


def test_label_accuracy_is_computed_for_conditional_runs_only(data, run, tmp_path):
    config = tiny.config(data, epochs=1)
    network = dataclasses.replace(config.network, conditional=True)
    train(dataclasses.replace(config, network=network), tmp_path / "run")
    found = evaluate(tmp_path / "run", N, features=CLASSES, metrics=["label_accuracy"])
    name = f"label_accuracy/test/n{N}/{CLASSES}"
    labels, seen = load_data(config.data).labels, load_data(config.data).pixels
    right = np.argmax(classifier(seen[:N])[1], axis=1) == labels[:N]
    assert found["metrics"]["floor"][name] == right.mean()  # training images, against the test's
    assert 0 <= found["metrics"]["generator"][name] <= 1
    with pytest.raises(UserError, match="'label_accuracy': needs labels that a class-conditional"):
        evaluate(run, N, features=CLASSES, metrics=["label_accuracy"])
