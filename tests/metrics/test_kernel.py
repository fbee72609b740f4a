import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from jaxgan.config.errors import UserError
from jaxgan.metrics import kernel, kernel_distance

KEY = jax.random.key(0)


def mmd_by_sklearn(real, fake):
    size = len(real)
    within = [polynomial_kernel(x, degree=3, coef0=1) for x in (real, fake)]  # gamma 1 / features
    across = polynomial_kernel(real, fake, degree=3, coef0=1)
    pairs = sum(np.sum(gram) - np.trace(gram) for gram in within)
    return pairs / (size * (size - 1)) - 2 * across.mean()


def gaussians(samples, features, shift=0.0):
    rng = np.random.default_rng(0)
    return rng.normal(size=(samples, features)), rng.normal(size=(samples, features)) + shift


def test_one_subset_of_everything_equals_sklearn():
    real, fake = gaussians(300, 20, shift=0.1)
    distance = kernel_distance(real, fake, KEY, subsets=1, subset_size=300)
    np.testing.assert_allclose(distance.mean, mmd_by_sklearn(real, fake), rtol=1e-10)
    assert distance.std == 0


def test_each_subset_equals_sklearn():
    real, fake = gaussians(200, 10, shift=0.3)
    real_key, fake_key = jax.random.split(KEY)
    rows = [np.asarray(kernel._subsets(key, 200, 7, 50)) for key in (real_key, fake_key)]
    expected = [mmd_by_sklearn(real[x], fake[y]) for x, y in zip(*rows, strict=True)]
    distance = kernel_distance(real, fake, KEY, subsets=7, subset_size=50)
    np.testing.assert_allclose(distance, (np.mean(expected), np.std(expected)), rtol=1e-10)


def test_two_scalars_by_hand():
    real, fake = np.array([[1.0], [2.0]]), np.array([[0.0], [3.0]])
    expected = 3**3 + 1**3 - 2 * (1**3 + 4**3 + 1**3 + 7**3) / 4
    distance = kernel_distance(real, fake, KEY, subsets=1, subset_size=2)
    np.testing.assert_allclose(distance.mean, expected, rtol=1e-14)


def test_a_constant_set_is_at_distance_zero_from_itself():
    constant = np.full((50, 64), 0.1)
    distance = kernel_distance(constant, constant, KEY, subsets=3, subset_size=20)
    assert abs(distance.mean) < 1e-14
    assert distance.std < 1e-14


def test_a_set_itself_is_nearer_than_zero_by_what_its_samples_gain_from_meeting_themselves():
    """An unbiased estimate: within a set no sample meets itself, between the two each does."""
    few, _ = gaussians(5, 2048)
    gram = polynomial_kernel(few, degree=3, coef0=1)
    others = (gram.sum() - np.trace(gram)) / 20
    distance = kernel_distance(few, few, KEY, subsets=1, subset_size=5)
    np.testing.assert_allclose(distance.mean, 2 / 5 * (others - np.trace(gram) / 5), rtol=1e-10)


def test_subsets_are_drawn_without_replacement_from_the_whole_set():
    rows = np.asarray(kernel._subsets(KEY, 30, 40, 10))
    assert all(len(set(row)) == 10 for row in rows)
    assert set(rows.ravel()) == set(range(30))


def test_it_is_unbiased_for_one_distribution():
    real, fake = gaussians(4000, 8)
    distance = kernel_distance(real, fake, KEY, subsets=80, subset_size=50)
    assert abs(distance.mean) < 4 * distance.std / np.sqrt(80)
    further = kernel_distance(real, fake + 0.5, KEY, subsets=80, subset_size=50)
    assert further.mean > 10 * further.std / np.sqrt(80)


def test_the_key_alone_chooses_the_subsets():
    real, fake = (jnp.asarray(x, jnp.float32) for x in gaussians(100, 4))
    first, again, other = (
        kernel_distance(real, fake, key, subsets=5, subset_size=40)
        for key in (KEY, KEY, jax.random.key(1))
    )
    assert first == again != other


def test_a_kernel_matrix_of_60000_samples_is_never_whole():
    with jax.enable_x64(True):
        features = jax.ShapeDtypeStruct((60_000, 32), jnp.float64)
        rows = jax.ShapeDtypeStruct((1, 60_000), jnp.int32)
        compiled = kernel._discrepancies.lower(features, features, rows, rows).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2**30  # whole: 27 GiB


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"subset_size": 41}, "real has 40 samples: needs at least 41; .*subset_size smaller"),
        ({"subset_size": 1}, "subset_size = 1: must be at least 2"),
        ({"subsets": 0}, "subsets = 0: must be at least 1"),
    ],
)
def test_subsets_that_cannot_be_drawn_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        kernel_distance(*gaussians(40, 3), KEY, **{"subsets": 2, "subset_size": 10} | settings)
