import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import mutual_info_score

from jaxgan.config.errors import UserError
from jaxgan.metrics import (
    class_histogram,
    classifier_score,
    mode_count,
    reverse_kl,
    stacked_modes,
    total_variation,
)

DIGITS = np.array([1, 2])


@pytest.mark.parametrize("splits", [1, 10])
def test_sure_and_even_over_classes_scores_the_number_of_classes(splits):
    probabilities = np.tile(np.eye(7), (splits * 4, 1))
    np.testing.assert_allclose(classifier_score(probabilities, splits), (7, 0), atol=1e-12)


def test_one_answer_for_every_image_scores_one():
    constant = np.tile([0.5, 0.3, 0.2, 0.0], (30, 1))
    np.testing.assert_allclose(classifier_score(constant), (1, 0), atol=1e-12)


def test_the_score_equals_scipys_relative_entropy_in_every_split():
    probabilities = np.random.default_rng(0).dirichlet(np.full(10, 0.1), size=503)
    scores = []
    for part in np.array_split(probabilities, 10):
        divergences = scipy.stats.entropy(part, part.mean(axis=0, keepdims=True), axis=1)
        scores.append(np.exp(divergences.mean()))
    np.testing.assert_allclose(
        classifier_score(probabilities, 10), (np.mean(scores), np.std(scores)), rtol=1e-12
    )


def test_the_score_is_the_exponential_of_sklearns_mutual_information():
    labels = np.random.default_rng(0).integers(0, 5, size=200)
    information = mutual_info_score(np.arange(200), labels)
    np.testing.assert_allclose(
        classifier_score(np.eye(5)[labels]).mean, np.exp(information), rtol=1e-12
    )


def test_float32_softmax_of_jax_is_a_probability():
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(100, 10)) * 30, jnp.float32)
    odds = jnp.exp(logits - logits.max(axis=1, keepdims=True))
    assert 1 < classifier_score(odds / odds.sum(axis=1, keepdims=True)).mean < 10


def test_a_histogram_counts_fractions_of_every_class():
    np.testing.assert_array_equal(
        class_histogram(np.array([0, 2, 2, 1]), 5), [0.25, 0.25, 0.5, 0, 0]
    )


def test_total_variation_is_zero_for_equal_and_one_for_disjoint_histograms():
    p, q = np.array([0.5, 0.5, 0, 0]), np.array([0, 0, 0.1, 0.9])
    assert total_variation(p, p) == 0
    assert total_variation(p, q) == 1
    np.testing.assert_allclose(total_variation(p, np.full(4, 0.25)), 0.5)


@pytest.mark.parametrize("modes", [1, 4, 10])
def test_a_sampler_collapsed_to_k_modes_has_exactly_k(modes):
    labels = np.random.default_rng(0).permutation(10)[:modes].repeat(100)
    assert mode_count(labels, 10) == modes
    assert mode_count(jnp.asarray(labels), 10, at_least=100) == modes
    assert mode_count(labels, 10, at_least=101) == 0
    kl = reverse_kl(class_histogram(labels, 10), np.full(10, 0.1))
    np.testing.assert_allclose(kl, np.log(10 / modes), rtol=1e-12, atol=1e-15)


def test_reverse_kl_equals_scipy_and_is_not_symmetric():
    p, q = np.random.default_rng(0).dirichlet(np.ones(20), size=2)
    np.testing.assert_allclose(reverse_kl(p, q), scipy.stats.entropy(p, q), rtol=1e-12)
    one, both = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    assert reverse_kl(one, both) == np.log(2)  # a missed mode is finite
    assert reverse_kl(both, one) == np.inf  # an invented one is not


def test_a_perfect_stacked_mnist_sampler_has_the_published_reverse_kl():
    """0.0194 +- 0.0009 at 26,000 samples: about (modes - 1) / (2 samples)."""
    rng = np.random.default_rng(0)
    found = [stacked_modes(*rng.integers(0, 10, size=(3, 26_000))) for _ in range(60)]
    values = [modes.reverse_kl for modes in found]
    np.testing.assert_allclose(np.mean(values), 0.0194, atol=0.0004)
    np.testing.assert_allclose(np.std(values), 0.0009, atol=0.0003)
    assert {modes.modes for modes in found} == {modes.modes_of_five for modes in found} == {1000}


def test_stacked_digits_collapsed_to_k_triples_have_k_modes():
    rng = np.random.default_rng(0)
    triples = rng.choice(1000, size=137, replace=False).repeat(4)
    found = stacked_modes(triples // 100, triples // 10 % 10, triples % 10)
    assert found.modes == 137
    assert found.modes_of_five == 0
    np.testing.assert_allclose(found.reverse_kl, np.log(1000 / 137), rtol=1e-12)


def test_channels_are_not_interchangeable():
    assert stacked_modes(*np.array([[0, 1], [1, 0], [2, 2]])).modes == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: classifier_score(np.eye(3), splits=4), "splits = 4: must be at most the 3"),
        (lambda: classifier_score(np.eye(3), splits=0), "splits = 0"),
        (lambda: classifier_score(3 * np.eye(3)), "sums to 3: must be 1.*softmax"),
        (lambda: classifier_score(np.array([[1.5, -0.5]])), "holds -0.5"),
        (lambda: classifier_score(np.full((2, 2), np.nan)), "NaN"),
        (lambda: classifier_score(np.ones(3)), r"shape \(3,\)"),
        (lambda: classifier_score(np.ones((0, 3))), "needs samples"),
        (lambda: class_histogram(np.array([0, 10]), 10), "labels holds 10: must be from 0 to 9"),
        (lambda: class_histogram(np.array([0, -1]), 10), "labels holds -1"),
        (lambda: class_histogram(np.array([0.0, 1.0]), 10), "of integers; take the argmax"),
        (lambda: class_histogram(np.zeros(0, int), 10), "labels is empty"),
        (lambda: class_histogram(np.zeros(1, int), 0), "classes = 0"),
        (lambda: mode_count(np.zeros(1, int), 10, at_least=0), "at_least = 0"),
        (lambda: total_variation(np.ones(1), np.full(2, 0.5)), "first has 1 classes and second 2"),
        (lambda: total_variation(np.array([0.5, 0.2]), np.full(2, 0.5)), "first sums to 0.7"),
        (lambda: reverse_kl(np.ones(0), np.ones(0)), "generated is empty"),
        (lambda: stacked_modes(DIGITS, DIGITS, DIGITS[:1]), "have 2, 2, 1 samples"),
        (lambda: stacked_modes(DIGITS, DIGITS + 10, DIGITS), "green holds 11"),
    ],
)
def test_what_is_no_histogram_label_or_probability_is_refused(call, message):
    with pytest.raises(UserError, match=message):
        call()
