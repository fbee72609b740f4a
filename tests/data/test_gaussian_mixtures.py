"""The ring and the grid: drawn by a frozen stream, and what their protocol says they are."""

import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import DATASETS, load_data
from jaxgan.data.gaussian_mixtures import MIXTURES
from jaxgan.metrics import point_modes


@pytest.fixture(scope="module", params=list(MIXTURES))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def points(name):
    return load_data(DataConfig(name))


def test_the_means_are_those_of_the_published_protocol():
    ring, grid = MIXTURES["ring"], MIXTURES["grid"]
    np.testing.assert_allclose(np.linalg.norm(ring.means, axis=1), np.ones(8))
    neighbours = np.linalg.norm(ring.means - np.roll(ring.means, 1, axis=0), axis=1)
    np.testing.assert_allclose(neighbours, np.full(8, 2 * np.sin(np.pi / 8)))
    assert {tuple(mean) for mean in grid.means} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }
    assert (ring.sigma, grid.sigma) == (0.01, 0.05)


def test_points_are_the_pinned_ones_each_time(name, points):
    assert points.pixels.shape == (100_000, 2)
    assert (points.pixels.dtype, points.labels.dtype) == (np.float32, np.int32)
    assert points.sha256 == load_data(DataConfig(name)).sha256 == DATASETS[name].sha256["train"]


def test_labels_are_the_modes_and_the_noise_is_that_of_the_protocol(name, points):
    means, sigma = MIXTURES[name]
    noise = (points.pixels - means[points.labels]) / sigma
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=4 / np.sqrt(len(noise)))
    np.testing.assert_allclose(np.cov(noise.T), np.eye(2), atol=0.02)
    counts = np.bincount(points.labels, minlength=len(means))
    expected = len(noise) / len(means)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("split", ["train", "test"])
def test_real_points_score_as_a_perfect_sampler_must(name, split):
    means, sigma = MIXTURES[name]
    points = load_data(DataConfig(name), split).pixels
    coverage = point_modes(points[:2500], means, sigma)
    assert coverage.modes == len(means)
    assert abs(coverage.high_quality - 0.9889) < 4 * (0.9889 * 0.0111 / 2500) ** 0.5
    assert abs(point_modes(points, means, sigma).high_quality - 0.9889) < 0.005


def test_held_out_points_are_others(name, points):
    test = load_data(DataConfig(name), "test")
    assert test.pixels.shape == (10_000, 2)
    assert not {row.tobytes() for row in test.pixels} & {row.tobytes() for row in points.pixels}


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"source": "idx"}, r"config\.data\.source = 'idx': ring is drawn, not read"),
        ({"dir": "/data"}, r"config\.data\.dir = '/data': ring is drawn, not read"),
    ],
    ids=["a source", "a folder"],
)
def test_a_place_to_read_points_from_is_refused(place, message):
    with pytest.raises(UserError, match=message):
        load_data(DataConfig("ring", **place))


def test_an_unknown_split_of_points_lists_the_known_ones():
    with pytest.raises(UserError, match="split 'validation': ring has train, test"):
        load_data(DataConfig("ring"), "validation")
