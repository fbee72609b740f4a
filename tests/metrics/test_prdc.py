import tracemalloc

import jax.numpy as jnp
import numpy as np
import prdc as prdc_package
import pytest
import sklearn.metrics
from sklearn.neighbors import NearestNeighbors

from jaxgan.config.errors import UserError
from jaxgan.metrics import Neighbourhoods, classifier_score, compute_prdc, prdc


def all_four(real, fake, k):
    return compute_prdc(Neighbourhoods(real, k, k), Neighbourhoods(fake, k, k))


def precision_recall(real, fake, k=3):
    return all_four(real, fake, k)[:2]


def density_coverage(real, fake, k=5):
    return all_four(real, fake, k)[2:]


def gaussians(samples, features, scale=1.0, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(2, samples, features))
    return real.astype(dtype), (scale * fake).astype(dtype)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("features", [2, 64])
def test_all_four_equal_the_prdc_package(k, features):
    real, fake = gaussians(400, features, scale=1.1)
    fake = fake[:350]
    expected = prdc_package.compute_prdc(real, fake, nearest_k=k)
    found = all_four(real, fake, k)
    assert found.precision == expected["precision"]
    assert found.recall == expected["recall"]
    assert found.coverage == expected["coverage"]
    np.testing.assert_allclose(found.density, expected["density"], rtol=1e-12)


def test_float32_features_far_from_zero_equal_the_prdc_package_in_float64():
    real, fake = gaussians(300, 16, dtype=np.float32)
    real, fake = real + np.float32(1000), fake + np.float32(1000)
    expected = prdc_package.compute_prdc(real.astype(float), fake.astype(float), nearest_k=5)
    found = precision_recall(jnp.asarray(real), jnp.asarray(fake), k=5)
    assert found == (expected["precision"], expected["recall"])
    assert density_coverage(real, fake)[1] == expected["coverage"]


def test_one_pass_gives_what_two_do_and_computes_the_radii_of_a_set_once(monkeypatch):
    real, fake = gaussians(300, 8, scale=1.1)
    searches, kneighbors = [], NearestNeighbors.kneighbors
    monkeypatch.setattr(
        NearestNeighbors, "kneighbors", lambda self: searches.append(self) or kneighbors(self)
    )
    first, second = Neighbourhoods(real), Neighbourhoods(fake)
    both = compute_prdc(first, second)
    assert compute_prdc(second, first)[:2] == both[1::-1]
    assert len(searches) == 2
    assert both == (*precision_recall(real, fake), *density_coverage(real, fake))


def test_blocks_of_distances_lose_no_sample(monkeypatch):
    real, fake = gaussians(500, 3)
    expected = compute_prdc(Neighbourhoods(real), Neighbourhoods(fake[:465]))
    blocks, chunked = [], sklearn.metrics.pairwise_distances_chunked

    def count(*args, **options):
        for block in chunked(*args, **options):
            blocks.append(len(block))
            yield block

    monkeypatch.setattr(sklearn.metrics, "pairwise_distances_chunked", count)
    monkeypatch.setattr(prdc, "BLOCK_MIB", 1)
    assert compute_prdc(Neighbourhoods(real), Neighbourhoods(fake[:465])) == expected
    assert blocks == [262, 203]


def test_copies_of_one_sample_have_empty_balls():
    real, _ = gaussians(200, 5)
    copies = Neighbourhoods(np.repeat(real[:1] + 7, 50, axis=0))
    assert (copies.squared_radii[3] <= 0).all()
    assert compute_prdc(Neighbourhoods(real), copies).recall == 0


def test_scores_that_are_zero_since_all_samples_are_copies_say_so(capsys):
    real, _ = gaussians(200, 5)
    copies = np.full((50, 5), 0.1)
    assert precision_recall(copies, copies) == (0.0, 0.0)
    first, second = capsys.readouterr().err.splitlines()
    assert "precision, density and coverage are 0: each real sample has 3 or more copies" in first
    assert "recall is 0: each generated sample has 3 or more copies" in second
    precision_recall(real, np.tile(real[:1], (50, 1)))
    assert len(capsys.readouterr().err.splitlines()) == 1
    precision_recall(real, real)
    assert not capsys.readouterr().err


def test_a_set_needs_more_samples_than_neighbours():
    with pytest.raises(UserError, match="a set has 5 samples: needs at least 6"):
        _ = Neighbourhoods(np.ones((5, 2))).squared_radii


def test_a_set_against_itself_has_all_four_exactly_one():
    """Each ball contains its centre and, strictly inside, k - 1 neighbours: k samples."""
    real, _ = gaussians(500, 32)
    assert precision_recall(real, real[::-1]) == (1.0, 1.0)
    assert density_coverage(real, real[::-1]) == (1.0, 1.0)


def test_a_point_on_the_sphere_is_outside():
    real = np.arange(10.0)[:, None]  # every inner ball reaches 1 far for k = 1 or 2
    assert precision_recall(real, np.array([[11.0], [30.0]]), k=1)[0] == 0
    assert precision_recall(real, np.array([[9.999], [10.0]]), k=1)[0] == 0.5
    assert density_coverage(real, real[3:5], k=1) == (1.0, 0.2)  # only their own balls


def test_equal_distances_stay_equal_under_a_rotation():
    """The corners of a simplex have equal distances, but only nearly so in floating point."""
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(90, 90)))[0] + 3
    real, fake = rotation[:60], rotation[60:]
    assert precision_recall(real, fake) == (0.0, 0.0)
    assert density_coverage(real, fake) == (0.0, 0.0)
    assert density_coverage(real, real[:30], k=1) == (1.0, 0.5)


def test_far_sets_score_zero():
    real, fake = gaussians(50, 4)
    assert precision_recall(real, fake + 100) == (0.0, 0.0)
    assert density_coverage(real, fake + 100) == (0.0, 0.0)


def test_one_distribution_has_density_one_and_the_coverage_that_theory_expects():
    """1 - (n-1)...(n-k) / ((2n-1)...(2n-k)), about 1 - 2^-k: Naeem et al. 2020, section 3."""
    real, fake = gaussians(2000, 16)
    steps = np.arange(1, 6)
    expected = 1 - np.prod((2000 - steps) / (4000 - steps))
    density, coverage = density_coverage(real, fake)
    np.testing.assert_allclose(coverage, expected, atol=0.015)
    np.testing.assert_allclose(density, 1, atol=0.06)


def test_shrunk_fakes_are_precise_and_recall_little():
    real, fake = gaussians(500, 8, scale=0.3)
    precision, recall = precision_recall(real, fake)
    assert precision > 0.95
    assert recall < 0.1


def test_100_images_repeated_100_times_fail_coverage_though_not_the_classifier_score():
    real, fresh = gaussians(2000, 10)
    repeated = np.tile(fresh[:100], (100, 1))
    scores = []
    for features in (fresh, repeated):
        odds = np.exp(20 * features)
        scores.append(classifier_score(odds / odds.sum(axis=1, keepdims=True)).mean)
    assert scores[1] > 0.9 * scores[0]
    density, coverage = density_coverage(real, repeated)
    assert coverage < 0.3 < 0.95 < density_coverage(real, fresh)[1]
    assert density > 0.8  # nor does density see it
    assert precision_recall(real, repeated[:1000])[1] == 0  # its balls have radius zero


def test_the_distances_of_all_pairs_are_never_in_memory_at_once():
    real, fake = (Neighbourhoods(points) for points in gaussians(5000, 4))
    tracemalloc.start()
    try:
        compute_prdc(real, fake)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5000**2 * 8 / 2  # bytes of half of them


@pytest.mark.parametrize("metric", [precision_recall, density_coverage])
@pytest.mark.parametrize(
    ("real", "fake", "k", "message"),
    [
        (np.ones((5, 3)), np.ones((9, 3)), 5, "real has 5 samples: needs at least 6; .*k = 5"),
        (np.ones((9, 3)), np.ones((5, 3)), 5, "fake has 5 samples"),
        (np.ones((9, 3)), np.ones((9, 3)), 0, "k = 0: must be at least 1"),
        (np.ones((9, 3)), np.ones((9, 2)), 3, "real has 3 features and fake 2"),
        (np.ones((9, 3)), np.full((9, 3), np.nan), 3, "fake holds NaN"),
        (np.ones(9), np.ones((9, 3)), 3, r"real has shape \(9,\)"),
    ],
)
def test_sets_without_k_neighbours_are_refused(metric, real, fake, k, message):
    with pytest.raises(UserError, match=message):
        metric(real, fake, k)
