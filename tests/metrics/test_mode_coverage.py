import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.metrics import mode_distance, mode_fractions, point_modes

ANGLES = 2 * np.pi * np.arange(8) / 8
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
GRID = np.array(list(itertools.product([-4, -2, 0, 2, 4], repeat=2)), dtype=float)


@pytest.mark.parametrize(("means", "sigma"), [(RING, 0.01), (GRID, 0.05)])
def test_a_perfect_sampler_has_98_9_percent_of_high_quality_and_every_mode(means, sigma):
    rng = np.random.default_rng(0)
    samples = 100_000
    points = means[rng.integers(len(means), size=samples)] + sigma * rng.normal(size=(samples, 2))
    found = point_modes(points, means, sigma)
    np.testing.assert_allclose(found.high_quality, 1 - np.exp(-4.5), atol=0.001)
    assert found.modes == len(means)
    assert 0 < found.reverse_kl < 3 * (len(means) - 1) / (2 * samples)


@pytest.mark.parametrize("modes", [1, 3, 25])
def test_a_sampler_collapsed_to_k_modes_has_exactly_k(modes):
    found = point_modes(jnp.asarray(np.repeat(GRID[:modes], 20, axis=0)), GRID, 0.05)
    assert found.high_quality == 1
    assert found.modes == modes
    np.testing.assert_allclose(found.reverse_kl, np.log(25 / modes), rtol=1e-12, atol=1e-15)


def test_points_beyond_three_sigma_count_for_no_mode():
    points = RING[:4] + np.array([[0.0, 0.0], [0.0, 0.0299], [0.0301, 0.0], [0.5, 0.5]])
    found = point_modes(points, RING, 0.01)
    assert found.high_quality == 0.5
    assert found.modes == 2
    np.testing.assert_allclose(found.reverse_kl, np.log(4), rtol=1e-12)


def test_without_a_good_point_the_kl_is_infinite():
    assert point_modes(np.full((10, 2), 0.3), RING, 0.01) == (0.0, 0, np.inf)


def test_the_kl_is_that_of_the_modes_frequencies():
    points = np.repeat(RING[:2], [30, 10], axis=0)
    expected = 0.75 * np.log(0.75 * 8) + 0.25 * np.log(0.25 * 8)
    np.testing.assert_allclose(point_modes(points, RING, 0.01).reverse_kl, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("points", "means", "sigma", "message"),
    [
        (RING, RING, 0.0, "sigma = 0.0: must be a positive number"),
        (RING, RING, float("nan"), "sigma = nan"),
        (RING[:0], RING, 0.1, "points has 0 samples"),
        (RING * np.nan, RING, 0.1, "points holds NaN"),
        (np.ones((4, 3)), RING, 0.1, "points have 3 dimensions and means 2"),
        (np.ones(4), RING, 0.1, r"points has shape \(4,\)"),
    ],
)
def test_what_is_no_set_of_points_is_refused(points, means, sigma, message):
    with pytest.raises(UserError, match=message):
        point_modes(points, means, sigma)


def test_mode_fractions_leave_out_what_is_between_the_modes():
    points = RING[[0, 0, 1, 5]] + np.array([[0.0, 0.0], [0.01, 0.0], [0.5, 0.5], [0.0, -0.02]])
    np.testing.assert_array_equal(mode_fractions(points, RING, 0.01), [0.5, 0, 0, 0, 0, 0.25, 0, 0])


@pytest.mark.parametrize(
    ("fake", "distance"),
    [
        ([0.5, 0.5], 0.0),
        ([1.0, 0.0], 0.5),
        ([0.25, 0.25], 0.5),  # half between the modes
        ([0.0, 0.0], 1.0),
        ([0.75, 0.0], 0.5),
    ],
)
def test_the_distance_of_modes_counts_what_would_have_to_move(fake, distance):
    np.testing.assert_allclose(mode_distance(np.array([0.5, 0.5]), np.array(fake)), distance)
