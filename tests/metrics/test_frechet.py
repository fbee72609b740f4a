import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxgan.config.errors import UserError
from jaxgan.metrics import frechet_distance


def exact_gaussian(seed, mean, root, samples=100):
    """Samples whose mean is `mean` and whose unbiased covariance is root' root, to rounding."""
    noise = np.random.default_rng(seed).normal(size=(samples, len(root)))
    white = np.linalg.qr(noise - noise.mean(axis=0))[0] * np.sqrt(samples - 1)
    return mean + white @ root


def frechet_by_sqrtm(real, fake):
    covariances = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    means = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    return means + np.trace(covariances[0] + covariances[1] - 2 * np.real(root))


def test_it_equals_scipys_matrix_square_root_where_covariances_have_full_rank():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2, 24, 24))
    real = rng.normal(size=(500, 24)) @ mixing[0]
    fake = rng.normal(size=(400, 24)) @ mixing[1] + 0.5
    np.testing.assert_allclose(
        frechet_distance(real, fake), frechet_by_sqrtm(real, fake), rtol=1e-9
    )


def test_diagonal_gaussians_differ_by_their_means_and_standard_deviations():
    real = exact_gaussian(0, np.array([0.0, 1.0, 2.0]), np.diag([1.0, 2.0, 0.5]))
    fake = exact_gaussian(1, np.array([3.0, 1.0, -2.0]), np.diag([4.0, 2.5, 0.1]), samples=77)
    expected = (9 + 0 + 16) + (3**2 + 0.5**2 + 0.4**2)
    np.testing.assert_allclose(frechet_distance(real, fake), expected, rtol=1e-12)


def test_in_one_dimension_it_is_the_classic_formula():
    real, fake = np.array([[0.0], [2.0]]), np.array([[1.0], [9.0]])  # deviations sqrt 2, sqrt 32
    np.testing.assert_allclose(frechet_distance(real, fake), 4**2 + (np.sqrt(32) - np.sqrt(2)) ** 2)


def test_dead_units_change_nothing():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(300, 8)), 2 * rng.normal(size=(300, 8))
    dead = np.zeros((300, 40))
    np.testing.assert_allclose(
        frechet_distance(np.hstack([real, dead]), np.hstack([fake, dead])),
        frechet_distance(real, fake),
        rtol=1e-12,
    )


def test_a_unit_dead_in_one_set_alone_counts_with_its_whole_variance():
    root = np.diag([1.0, 3.0])
    real = exact_gaussian(0, np.zeros(2), root)
    fake = real * np.array([1.0, 0.0])
    np.testing.assert_allclose(frechet_distance(real, fake), 3.0**2, rtol=1e-12)


def test_fewer_samples_than_features_are_exact():
    """Two samples span a line: tr (C1 C2)^(1/2) is |d1.d2| / 2 of the two differences."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 50)), rng.normal(size=(2, 50))
    first, second = real[1] - real[0], fake[1] - fake[0]
    means = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    expected = means + (first @ first + second @ second) / 2 - abs(first @ second)
    np.testing.assert_allclose(frechet_distance(real, fake), expected, rtol=1e-12)


@pytest.mark.parametrize("samples", [10, 1000])
def test_identical_sets_are_at_distance_zero(samples):
    features = np.random.default_rng(0).normal(size=(samples, 64)) * np.logspace(-3, 3, 64)
    scale = np.trace(np.cov(features, rowvar=False))
    assert 0 <= frechet_distance(features, features[::-1]) < 1e-13 * scale


def test_so_are_few_samples_of_many_features_and_constant_ones():
    few = np.random.default_rng(0).normal(size=(5, 2048))
    assert 0 <= frechet_distance(few, few) < 1e-10
    for value in (0.0, 0.1, 1e6 + 0.1):
        constant = np.full((50, 64), value)
        assert 0 <= frechet_distance(constant, constant) < 1e-25


def test_it_is_symmetric_and_takes_jax_arrays():
    rng = np.random.default_rng(0)
    real, fake = (rng.normal(size=(50, 5)).astype(np.float32) for _ in range(2))
    distance = frechet_distance(jnp.asarray(real), jnp.asarray(fake))
    assert isinstance(distance, float)
    np.testing.assert_allclose(distance, frechet_distance(fake, real), rtol=1e-12)


def test_more_samples_of_one_distribution_are_nearer():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 16))
    few = frechet_distance(features[:200], features[200:400])
    many = frechet_distance(features[:2000], features[2000:])
    assert 0 < many < few / 5  # the bias falls as 1 / samples


def damaged(row, value):
    features = np.ones((5, 3))
    features[row] = value
    return features


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.ones((1, 3)), np.ones((5, 3)), "real has 1 samples: needs at least 2"),
        (np.ones((5, 3)), np.ones((5, 4)), "real has 3 features and fake 4"),
        (np.ones((5, 3)), np.ones((5, 2, 2)), r"fake has shape \(5, 2, 2\): must be"),
        (damaged(3, np.nan), np.ones((5, 3)), "real holds NaN or infinity in 3 places.*row 3"),
        (np.ones((5, 3)), damaged(1, np.inf), "fake holds NaN or infinity"),
        (np.ones((5, 0)), np.ones((5, 0)), "at least one feature"),
        (np.full((5, 3), 1j), np.ones((5, 3)), "must be real numbers"),
    ],
)
def test_arrays_it_is_not_defined_on_are_refused(real, fake, message):
    with pytest.raises(UserError, match=message):
        frechet_distance(real, fake)
