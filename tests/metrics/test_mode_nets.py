"""Feature nets of the mode-coverage benchmarks, with samplers whose modes are known."""

import jax
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import load_data
from jaxgan.data.gaussian_mixtures import MIXTURES
from jaxgan.evaluation import scoring
from jaxgan.evaluation.metric_table import SetPair
from jaxgan.metrics.packaged_nets import PINNED, load_features

KEY = jax.random.key(0)


def score_examples(net, real, fake, metrics=()):
    sets = SetPair(net.extract(real), net.extract(fake), KEY)
    return scoring.score(scoring.select_metrics(metrics, net.name, sets.fake), sets)


@pytest.fixture(scope="module")
def stacks():
    return load_data(DataConfig("stacked_mnist"), "test")


@pytest.mark.parametrize(("name", "kept"), [("ring", 1), ("ring", 5), ("grid", 1), ("grid", 17)])
def test_a_sampler_of_points_collapsed_to_k_modes_returns_exactly_k(name, kept):
    data = load_data(DataConfig(name), "test")
    fake = data.pixels[data.labels < kept][:300]
    real = data.pixels[: len(fake)]
    found = score_examples(load_features(name), real, fake)
    assert found["modes"] == kept
    assert found["high_quality"] == pytest.approx(0.989, abs=0.03)
    if kept == 1:
        assert found["reverse_kl"] == pytest.approx(np.log(len(MIXTURES[name].means)))
        assert found["coverage"] < 0.3
    assert found["precision"] > 0.8


def test_points_are_their_own_features_and_have_no_hash():
    points = load_data(DataConfig("ring"), "test").pixels[:10]
    net = load_features("ring")
    np.testing.assert_array_equal(net.extract(points, batch_size=3).features, points)
    name = scoring.metric_name("modes", "test", num_samples=2500, net=net)
    assert name == "modes/test/n2500/points"


def test_two_equal_sets_of_points_are_at_no_distance():
    points = load_data(DataConfig("grid"), "test").pixels[:200]
    found = score_examples(load_features("grid"), points, points)
    assert found["frechet"] == pytest.approx(0, abs=1e-6)
    assert (found["precision"], found["recall"], found["coverage"]) == (1, 1, 1)
    assert not {"classifier_score", "class_distance"} & set(found)


@pytest.mark.parametrize("kept", [1, 40])
def test_a_sampler_of_stacks_collapsed_to_k_modes_returns_k(stacks, kept):
    """Exact, except that the classifier mistakes one digit in three hundred."""
    known = load_features("stacked_mnist").extract(stacks.pixels[:300])
    right = np.argmax(known.probabilities, axis=1) == stacks.labels[:300]
    assert right.mean() > 0.97
    chosen = np.flatnonzero(right)[:kept]
    modes = len(set(stacks.labels[chosen]))
    fake = stacks.pixels[np.tile(chosen, 240 // kept)]
    found = load_features("stacked_mnist").extract(fake).modes
    assert (found["modes"], found["modes_of_five"]) == (modes, modes)
    assert found["reverse_kl"] == pytest.approx(np.log(1000 / modes), abs=0.1)


def test_the_features_of_a_stack_are_those_of_its_channels_side_by_side(stacks):
    found = load_features("stacked_mnist").extract(stacks.pixels[:5])
    assert found.features.shape == (5, 3 * 128)
    assert found.probabilities.shape == (5, 1000)
    for channel in range(3):
        alone = load_features("mnist").extract(stacks.pixels[:5, ..., [channel]])
        part = found.features[:, 128 * channel : 128 * (channel + 1)]
        np.testing.assert_allclose(part, alone.features, atol=1e-5)
        others = tuple(1 + other for other in range(3) if other != channel)
        marginal = found.probabilities.reshape(5, 10, 10, 10).sum(axis=others)
        np.testing.assert_allclose(marginal, alone.probabilities, atol=1e-5)


def test_stacks_are_named_by_the_weights_that_saw_them():
    net = load_features("stacked_mnist")
    assert net.sha256 == PINNED["mnist"]
    name = scoring.metric_name("modes", "test", num_samples=26_000, net=net)
    assert name == f"modes/test/n26000/stacked_mnist-{PINNED['mnist'][:8]}"


@pytest.mark.slow
def test_real_stacks_reach_every_mode_with_the_kl_of_a_fair_sample():
    """A uniform sampler has 0.0194 at 26,000; digits are a little uneven, which adds 0.004."""
    for split in ("train", "test"):
        pixels = load_data(DataConfig("stacked_mnist"), split).pixels[:26_000]
        found = load_features("stacked_mnist").extract(pixels).modes
        assert found["modes"] >= 999
        assert found["reverse_kl"] == pytest.approx(0.024, abs=0.002)


@pytest.mark.parametrize(
    ("net", "examples", "message"),
    [
        ("mnist", np.zeros((3, 2), np.float32), r"'mnist': images of shape \(2,\)"),
        ("ring", np.zeros((3, 4, 4, 1), np.uint8), r"'points': images of shape .* must be points"),
        ("ring", np.zeros((3, 3), np.float32), "points have 3 dimensions and means 2"),
        ("stacked_mnist", np.zeros((3, 28, 28, 1), np.uint8), r"must be \(28, 28, 3\)"),
        ("ring", np.zeros((3, 2)), "pixels: float64 of shape"),
        ("ring", np.full((3, 2), np.nan, np.float32), "NaN or infinity"),
    ],
    ids=["points to a classifier", "images to points", "space", "one channel", "float64", "nan"],
)
def test_examples_that_a_net_does_not_take_are_refused(net, examples, message):
    with pytest.raises(UserError, match=message):
        load_features(net).extract(examples)


@pytest.mark.parametrize(
    ("net", "metric", "message"),
    [
        ("ring", "classifier_score", "needs class probabilities, and features 'points' gives mode"),
        ("mnist", "modes", "needs modes, and features 'mnist' gives class probabilities"),
    ],
)
def test_a_metric_that_a_net_cannot_give_is_refused(net, metric, message):
    examples = load_data(DataConfig(net), "test").pixels[:20]
    with pytest.raises(UserError, match=message):
        score_examples(load_features(net), examples, examples, [metric])
