"""The Inception network and its weights, beside torch-fidelity's."""

import hashlib
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.data import probe
from jaxgan.metrics import frechet_distance, inception_weights, kernel_distance
from jaxgan.metrics.classes import classifier_score
from jaxgan.metrics.inception import Inception, resize_like_tensorflow
from jaxgan.metrics.inception_weights import EPSILON, FILE, cached_file, convert, inception_net
from jaxgan.metrics.packaged_nets import load_features
from tests.metrics.inception_arrays import random_arrays

# Features 0, 512, ... and logits without bias 0, 252, ... of the two images below, as
# torch-fidelity 0.4.0 ("inception-v3-compat") with PyTorch 2.14.1 on a CPU computes them from the
# arrays of `random_arrays(0)`.
GOLDEN_FEATURES = [
    [0.6165186, 0.44480783, 0.22243395, 0.16087894],
    [0.5523419, 0.43033436, 0.23438334, 0.13216913],
]
GOLDEN_LOGITS = [
    [0.09399366, -3.1137447, -1.382302, 3.7419982],
    [0.25783694, -3.0230353, -1.2931607, 3.4649622],
]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (2, 8, 12, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def arrays():
    return random_arrays()


@pytest.fixture(scope="module")
def run_network(arrays):
    params = jax.device_put(convert(arrays))

    @jax.jit
    def run(params, pixels):
        resized = resize_like_tensorflow(pixels.astype(np.float32), 299)
        return Inception().apply({"params": params}, (resized - 128) / 128)

    return lambda pixels: tuple(map(np.asarray, run(params, pixels)))


def test_the_resize_aligns_the_first_corner_and_repeats_the_last_pixel():
    images = jnp.array([[0.0, 10.0], [20.0, 50.0]])[None, ..., None]
    expected = [[0, 5, 10, 10], [10, 20, 30, 30], [20, 35, 50, 50], [20, 35, 50, 50]]
    np.testing.assert_allclose(resize_like_tensorflow(images, 4)[0, ..., 0], expected)


def test_the_resize_to_fewer_pixels_does_not_average():
    images = jnp.arange(6.0).reshape(1, 1, 6, 1)
    np.testing.assert_allclose(resize_like_tensorflow(images, 3)[0, 0, :, 0], [0, 2, 4])


def test_batch_normalization_is_folded_into_the_convolution():
    draw = np.random.default_rng(0)
    kernel = draw.standard_normal((2, 3, 1, 1)).astype(np.float32)
    gain, bias, mean, variance = draw.uniform(0.5, 2, (4, 2)).astype(np.float32)
    norm = {"weight": gain, "bias": bias, "running_mean": mean, "running_var": variance}
    arrays = {"x.conv.weight": kernel, "fc.weight": np.ones((5, 4), np.float32)}
    params = convert(arrays | {f"x.bn.{name}": values for name, values in norm.items()})
    pixel = draw.standard_normal(3)
    expected = (kernel[:, :, 0, 0] @ pixel - mean) / np.sqrt(variance + EPSILON) * gain + bias
    found = pixel @ params["x"]["kernel"][0, 0] + params["x"]["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert params["fc"]["kernel"].shape == (4, 5)


def test_points_are_refused_before_the_network_runs():
    with pytest.raises(UserError, match=r"images of \(2,\); must be grey or in colour"):
        inception_weights._extract_checked({}, np.zeros((3, 2), np.float32))


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Makes a few bytes the published file, and a folder of the test the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(inception_weights, "SHA256", hashlib.sha256(b"published").hexdigest())
    monkeypatch.setattr("requests.head", lambda *args, **options: None)
    return b"published"


class Answer:
    """An answer of `requests.get` with this content."""

    def __init__(self, content, error=None):
        self.content, self.error = content, error

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def raise_for_status(self):
        pass

    def iter_content(self, size):
        yield self.content[:4]
        if self.error:
            raise self.error
        yield self.content[4:]


def cached_files(tmp_path):
    return [path for path in (tmp_path / "caches").rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"other weights", b"publ"], ids=["another", "truncated"])
def test_another_file_than_the_published_one_is_refused(published, content, tmp_path):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.pth: other or damaged weights: .* must be"):
        load_features(f"inception:{tmp_path}/x.pth")


def test_a_file_that_does_not_exist_is_named(published, tmp_path):
    with pytest.raises(UserError, match=r"none\.pth: No such file.*must be the file http"):
        inception_net(f"inception:{tmp_path}/none.pth")


def test_the_file_in_the_cache_is_used_without_a_network(published, tmp_path, monkeypatch):
    monkeypatch.setattr("requests.get", lambda *args, **options: pytest.fail("downloads"))
    path = tmp_path / "caches" / "jaxgan" / "inception" / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(published)
    assert cached_file() == path


def test_a_download_is_kept_in_the_cache(published, tmp_path, monkeypatch):
    monkeypatch.setattr("requests.get", lambda *args, **options: Answer(published))
    assert cached_file().read_bytes() == published
    assert cached_files(tmp_path) == [cached_file()]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(b"other weights"), "gave other data"),
        (Answer(b"publ"), "gave other data"),
        (Answer(b"published", ConnectionResetError("reset")), r"cannot be had.*\(ConnectionReset"),
    ],
    ids=["other content", "truncated", "broken off"],
)
def test_a_failed_download_leaves_nothing(published, answer, message, tmp_path, monkeypatch):
    monkeypatch.setattr("requests.get", lambda *args, **options: answer)
    with pytest.raises(UserError, match=f"{message}.*--features inception:FILE"):
        load_features("inception")
    assert cached_files(tmp_path) == []


def test_without_a_network_the_address_and_the_remedy_are_named(published, tmp_path, monkeypatch):
    def refuse(*args, **options):
        assert max(options["timeout"]) <= 20
        raise OSError("no route")

    monkeypatch.setattr("requests.get", refuse)
    with pytest.raises(UserError, match=r"cannot be had from http.*\(OSError\); download http"):
        load_features("inception")
    assert cached_files(tmp_path) == []
    # The look-up of the server's name has no time limit of its own.
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr("requests.head", lambda *args, **options: time.sleep(1))
    with pytest.raises(UserError, match=r"cannot be had from http.*\(no answer in 0.1 s\)"):
        load_features("inception")


@pytest.mark.slow  # it compiles the whole network
def test_features_and_logits_are_those_of_torch_fidelity(run_network, images, arrays):
    features, logits = run_network(images)
    assert (features.shape, logits.shape) == ((2, 2048), (2, 1008))
    np.testing.assert_allclose(features[:, ::512], GOLDEN_FEATURES, rtol=1e-4)
    np.testing.assert_allclose(logits[:, ::252], GOLDEN_LOGITS, rtol=1e-4)


@pytest.mark.slow
def test_scores_are_those_of_torch_fidelity(run_network, arrays, tmp_path):
    """Needs torch-fidelity, which jaxgan does not depend on."""
    torch = pytest.importorskip("torch")
    extractor = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    from torch_fidelity import metric_fid, metric_isc, metric_kid

    path = tmp_path / "weights.pth"
    torch.save({name: torch.from_numpy(np.array(a)) for name, a in arrays.items()}, path)
    layers = ["2048", "logits_unbiased"]
    theirs = extractor.FeatureExtractorInceptionV3("inception-v3-compat", layers, str(path))
    draw = np.random.default_rng(2)
    sets = [draw.integers(0, high, (30, 32, 32, 3), dtype=np.uint8) for high in (256, 200)]
    (real, _), (fake, logits) = (
        theirs(torch.from_numpy(s.transpose(0, 3, 1, 2).copy())) for s in sets
    )
    ours = [run_network(s) for s in sets]
    np.testing.assert_allclose(ours[1][0], fake.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours[1][1], logits.numpy(), rtol=1e-4, atol=1e-4)
    statistics = [metric_fid.fid_features_to_statistics(f) for f in (real, fake)]
    (fid,) = metric_fid.fid_statistics_to_metric(*statistics, False).values()
    assert frechet_distance(ours[0][0], ours[1][0]) == pytest.approx(fid, rel=1e-3)
    kid = metric_kid.kid_features_to_metric(
        fake, real, kid_subsets=1, kid_subset_size=30, verbose=False
    )
    found = kernel_distance(ours[0][0], ours[1][0], jax.random.key(0), 1, 30)
    assert found.mean == pytest.approx(kid["kernel_inception_distance_mean"], rel=1e-3)
    score = metric_isc.isc_features_to_metric(logits, 10, False)
    probabilities = np.asarray(jax.nn.softmax(ours[1][1]))
    expected = score["inception_score_mean"]
    assert classifier_score(probabilities, 10).mean == pytest.approx(expected, rel=1e-3)
