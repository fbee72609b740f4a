"""Metrics of real digits, and of digits made worse in known ways, with the packaged net.

Tolerances are around the measured scores of two disjoint sets of real images.
"""

from typing import NamedTuple

import jax
import numpy as np
import pytest

from jaxgan.config.schema import DataConfig
from jaxgan.data import load_data
from jaxgan.metrics import (
    class_histogram,
    classifier_score,
    compute_prdc,
    frechet_distance,
    kernel_distance,
    mode_count,
    total_variation,
)
from jaxgan.metrics.packaged_nets import load_features

FEW, MANY = 2_000, 10_000
ONE = 1  # the digit that is removed


class Digits(NamedTuple):
    """Pixels and labels of a split; a sampler draws images outside the real set."""

    pixels: np.ndarray
    labels: np.ndarray
    count: int  # images in a set

    @property
    def real(self):
        return self.pixels[: self.count]

    def fresh(self, *without):
        kept = ~np.isin(self.labels, without)
        kept[: self.count] = False
        return self.pixels[kept][: self.count]


@pytest.fixture(scope="module")
def extract():
    """Computes the features of each set once, for all tests."""
    net, known = load_features("mnist"), {}

    def extract(pixels):
        key = hash(pixels.tobytes())
        if key not in known:
            known[key] = net.extract(pixels)
        return known[key]

    return extract


@pytest.fixture(scope="module")
def few():
    """Returns test images, on which the net was not trained."""
    data = load_data(DataConfig(name="mnist"), "test")
    return Digits(data.pixels, data.labels, FEW)


@pytest.fixture(scope="module")
def many():
    data = load_data(DataConfig(name="mnist"), "train")
    return Digits(data.pixels, data.labels, MANY)


def blurred(pixels):
    """Averages the 3x3 neighbours of each pixel."""
    values = pixels.astype(np.float32)
    for axis in (1, 2):
        values = (np.roll(values, 1, axis) + values + np.roll(values, -1, axis)) / 3
    return values.astype(np.uint8)


def copied(pixels, times=100):
    return np.tile(pixels[: len(pixels) // times], (times, 1, 1, 1))


def noise(pixels):
    return np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)


def labels(images):
    return images.probabilities.argmax(axis=1)


def class_distance(real, fake):
    return total_variation(*(class_histogram(labels(images), 10) for images in (real, fake)))


def frechet(real, fake):
    return frechet_distance(real.features, fake.features)


def coverage(real, fake):
    return compute_prdc(real.neighbourhoods, fake.neighbourhoods).coverage


def kernel(real, fake, subsets=100):
    size = min(1000, len(real.features) // 2)
    return kernel_distance(real.features, fake.features, jax.random.key(0), subsets, size)


def expected_coverage(samples, k=5):
    """Returns the coverage of two sets of one distribution: Naeem et al. 2020, section 3."""
    steps = np.arange(1, k + 1)
    return 1 - np.prod((samples - steps) / (2 * samples - steps))


def check_real_against_real(real, fresh, count, highest_frechet):
    assert 0 < frechet(real, fresh) < highest_frechet
    distance = kernel(real, fresh, subsets=20)
    assert abs(distance.mean) < distance.std  # of one subset: it is unbiased
    assert coverage(real, fresh) == pytest.approx(expected_coverage(count), abs=0.015)
    manifolds = compute_prdc(real.neighbourhoods, fresh.neighbourhoods)[:2]
    np.testing.assert_allclose(manifolds, 0.88, atol=0.03)
    assert class_distance(real, fresh) < 0.06 * np.sqrt(FEW / count)


def test_real_against_real_is_at_the_real_baseline(few, extract):
    check_real_against_real(extract(few.real), extract(few.fresh()), FEW, highest_frechet=0.8)


@pytest.mark.slow
@pytest.mark.parametrize("others", ["train", "test"])
def test_ten_thousand_real_against_real_are_at_the_real_baseline(others, many, extract):
    test = load_data(DataConfig(name="mnist"), "test").pixels
    fresh = many.fresh() if others == "train" else test
    check_real_against_real(extract(many.real), extract(fresh), MANY, highest_frechet=0.2)


@pytest.mark.parametrize("digits", [(7,), (0, 3, 8), tuple(range(10))], ids=len)
def test_a_sampler_of_one_image_per_digit_reaches_exactly_that_many_modes(digits, few, extract):
    first = [few.pixels[few.labels == digit][:1] for digit in digits]
    found = labels(extract(np.concatenate(first * 20)))
    assert mode_count(found, 10) == len(digits)
    assert set(found.tolist()) == set(digits)


@pytest.mark.parametrize("missing", [(), (2,), (1, 2, 4, 5, 6, 7, 9)], ids=len)
def test_a_sampler_of_some_digits_reaches_exactly_these_modes(missing, few, extract):
    """A mode needs 1 % of the samples, since the net misclassifies one digit in 300."""
    fakes = few.fresh(*missing)
    assert mode_count(labels(extract(fakes)), 10, at_least=len(fakes) // 100) == 10 - len(missing)


def check_copies(digits, extract):
    """Checks that copies of few images keep classifier score and precision, but lose coverage."""
    real, fresh, copies = map(extract, (digits.real, digits.fresh(), copied(digits.fresh())))
    assert coverage(real, copies) < 0.1 < 0.9 < coverage(real, fresh)
    found = compute_prdc(real.neighbourhoods, copies.neighbourhoods)
    usual = compute_prdc(real.neighbourhoods, fresh.neighbourhoods).precision
    error = np.sqrt(usual * (1 - usual) / (digits.count / 100))  # of a mean over the images
    assert abs(found.precision - usual) < 3 * error
    assert found.recall == 0
    classes = class_histogram(labels(copies), 10)
    blind = np.exp(-np.sum(classes * np.log(np.maximum(classes, 1e-12))))  # to all but the classes
    assert classifier_score(copies.probabilities).mean == pytest.approx(blind, rel=0.05)


def test_20_images_repeated_100_times_fail_coverage_though_not_the_classifier_score(few, extract):
    check_copies(few, extract)


@pytest.mark.slow
def test_100_images_repeated_100_times_fail_coverage_though_not_the_classifier_score(many, extract):
    check_copies(many, extract)


def check_removed(digits, extract):
    real, fresh, without = map(extract, (digits.real, digits.fresh(), digits.fresh(ONE)))
    share = np.mean(digits.labels[: digits.count] == ONE)
    assert class_histogram(labels(without), 10)[ONE] < 0.005
    assert class_distance(real, without) == pytest.approx(share, abs=0.03)
    assert class_distance(real, without) > 2 * class_distance(real, fresh)
    assert frechet(real, without) > 10 * frechet(real, fresh)
    assert coverage(real, without) < coverage(real, fresh) - share / 2


def test_the_digit_1_removed_shows_in_classes_distance_and_coverage(few, extract):
    check_removed(few, extract)


def check_noise(digits, extract):
    real, fresh = extract(digits.real), digits.fresh()
    kinds = {
        "real": fresh,
        "the digit removed": digits.fresh(ONE),
        "blurred": blurred(fresh),
        "copied": copied(fresh),
        "one image": copied(fresh, len(fresh)),
    }
    worst = extract(noise(fresh))
    assert coverage(real, worst) == 0
    assert classifier_score(worst.probabilities).mean < 1.01
    for pixels in kinds.values():
        images = extract(pixels)
        assert frechet(real, worst) > 3 * frechet(real, images)
        assert kernel(real, worst, subsets=3).mean > 3 * kernel(real, images, subsets=3).mean
        assert class_distance(real, worst) >= class_distance(real, images) - 0.05


def test_noise_scores_worst_of_all(few, extract):
    check_noise(few._replace(count=500), extract)
