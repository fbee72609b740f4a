"""Each metric of the table, on sets whose scores are known."""

import math

import jax
import numpy as np
import pytest
from scipy.stats import entropy

from jaxgan.config.errors import UserError
from jaxgan.evaluation import metric_table, scoring
from jaxgan.metrics.feature_nets import FeatureNet, FeatureSet
from jaxgan.runs.atomic_files import json_safe
from tests.tiny import flat_features


def gaussian_sets(shift=0.0, copies=1, count=600):
    """Returns two sets of features and class probabilities; fakes are shifted and repeated."""
    random = np.random.RandomState(0)
    real, fake = random.randn(2, count, 4).astype(np.float32)
    fake = np.repeat(fake[: count // copies], copies, axis=0) + shift
    return metric_table.SetPair(images(real), images(fake), jax.random.key(0))


def images(features):
    weights = np.exp(features)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    modes = {"reverse_kl": float(entropy(np.mean(probabilities, axis=0), np.full(4, 1 / 4)))}
    return FeatureSet(features, probabilities, modes)


@pytest.mark.parametrize("name", metric_table.METRICS)
def test_each_metric_gives_finite_named_numbers_from_its_fewest_samples(name):
    metric = metric_table.METRICS[name]
    for count in (metric.at_least, 60):
        values = metric.score(gaussian_sets(count=count))
        assert values
        assert all(isinstance(value, float) and math.isfinite(value) for value in values.values())
        assert set(metric.distances) <= set(values)


@pytest.mark.parametrize("name", metric_table.METRICS)
def test_each_metric_refuses_one_sample_fewer_than_it_needs(name):
    low = metric_table.METRICS[name].at_least
    scoring.check_sample_count((name,), low)
    with pytest.raises(UserError, match=rf"num_samples = {low - 1}: {name} needs at least {low}"):
        scoring.check_sample_count((name,), low - 1)


@pytest.mark.parametrize(
    "name", [name for name in metric_table.METRICS if metric_table.METRICS[name].distances]
)
def test_each_distance_is_nearer_the_baseline_for_the_same_distribution(name):
    baseline = scoring.score([name], gaussian_sets())
    far = scoring.baseline_ratios(
        [name], scoring.score([name], gaussian_sets(np.eye(4)[0] * 2)), baseline
    )
    assert all(value > 3 for value in far.values())


def test_a_ratio_to_a_baseline_of_zero_is_infinite():
    assert scoring.baseline_ratios(["frechet"], {"frechet": 1.0}, {"frechet": 0.0}) == {
        "frechet": math.inf
    }


def test_few_images_many_times_over_lose_coverage_and_keep_precision():
    whole = scoring.score(["precision_recall", "density_coverage"], gaussian_sets())
    copied = scoring.score(["precision_recall", "density_coverage"], gaussian_sets(copies=60))
    assert copied["coverage"] < whole["coverage"] / 3
    assert copied["precision"] > 0.7


def test_a_pinned_net_is_named_by_its_hash():
    net = FeatureNet("mnist", "1a2b3c4d" + "0" * 56, 10, flat_features)
    name = scoring.metric_name("frechet", "train", num_samples=10_000, net=net)
    assert name == "frechet/train/n10000/mnist-1a2b3c4d"


def test_what_is_not_finite_is_null():
    value = {"a": [math.nan, 1.0], "b": {"c": math.inf, "d": "x"}}
    assert json_safe(value) == {"a": [None, 1.0], "b": {"c": None, "d": "x"}}


def test_label_accuracy_is_the_fraction_of_fakes_in_the_class_asked_for():
    probabilities = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0]]
    fake = FeatureSet(np.zeros((5, 1), np.float32), probabilities, labels=np.array([0, 1, 2, 2, 0]))
    sets = metric_table.SetPair(fake, fake, jax.random.key(0))
    assert scoring.score(["label_accuracy"], sets) == {"label_accuracy": 0.8}
