import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jaxgan.config.errors import UserError
from jaxgan.metrics import copying_ratio, memorization, nearest_images


def images(count, seed, shape=(5, 4, 3)):
    return np.random.RandomState(seed).randint(0, 256, (count, *shape)).astype(np.uint8)


@pytest.mark.parametrize("block", [7, 10, 64])
def test_the_nearest_agree_with_scikit_learn_for_any_block(monkeypatch, block):
    monkeypatch.setattr(memorization, "BLOCK", block)
    queries, references = images(20, 0), images(50, 1)
    found = nearest_images(queries, references)
    finder = NearestNeighbors(n_neighbors=1).fit(references.reshape(50, -1).astype(float))
    distances, indices = finder.kneighbors(queries.reshape(20, -1).astype(float))
    np.testing.assert_array_equal(found.indices, indices[:, 0])
    np.testing.assert_allclose(found.distances, distances[:, 0], rtol=1e-12)


def test_squared_distances_of_large_images_are_exact():
    queries, references = images(3, 0, (40, 40, 3)), images(9, 1, (40, 40, 3))
    found = nearest_images(queries, references)
    apart = references[found.indices].astype(int) - queries.astype(int)
    np.testing.assert_array_equal(found.distances, np.sqrt(np.sum(apart**2, axis=(1, 2, 3))))


@pytest.mark.parametrize("side", [64, 128, 256])
def test_black_and_white_have_the_largest_distance(side):
    shape = (1, side, side, 3)
    black, white = np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)
    assert nearest_images(black, white).distances[0] == np.sqrt(255**2 * side**2 * 3)


def test_a_copy_is_found_at_distance_zero_and_of_equal_ones_the_first():
    references = images(30, 0)
    references[20] = references[5]
    found = nearest_images(references[[20, 29]], references)
    assert found.indices.tolist() == [5, 29]
    assert found.distances.tolist() == [0, 0]


def test_the_ratio_is_zero_for_copies_and_one_for_other_real_images():
    train, held_out, others = images(200, 0), images(40, 1), images(40, 2)
    real = nearest_images(held_out, train).distances
    copies = nearest_images(train[:30], train).distances
    assert copying_ratio(copies, real) == 0
    assert copying_ratio(nearest_images(others, train).distances, real) == pytest.approx(1, abs=0.1)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(UserError, match=r"shape \(5, 4, 3\) and references of \(4, 5, 3\)"):
        nearest_images(images(1, 0), images(1, 0, (4, 5, 3)))
    with pytest.raises(UserError, match="queries: float"):
        nearest_images(images(1, 0) / 255, images(1, 0))
    with pytest.raises(UserError, match="must be above zero"):
        copying_ratio(np.ones(3), np.zeros(3))
