"""Feature nets: pinned weights, features of images, functions of a user."""

import dataclasses
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import Dataset, load_data
from jaxgan.metrics import packaged_nets, train_features
from jaxgan.metrics.classifier_net import Classifier
from jaxgan.metrics.colour_net import (
    CLASS_NAMES,
    ColourClassifier,
    classify_colour,
    max_pool_2x2,
    whitening_kernel,
)
from jaxgan.metrics.feature_nets import FeatureNet
from jaxgan.metrics.packaged_nets import COLOUR, PINNED, WEIGHTS, load_features, packaged_net
from jaxgan.metrics.train_features import FeatureConfig
from jaxgan.types import to_images

PLAIN = FeatureConfig(DataConfig(), shift=0.0)  # no image is altered


@pytest.fixture(scope="module")
def digits():
    """A thousand test images: the first of the canonical order are a fair sample."""
    data = load_data(DataConfig(name="mnist"), "test")
    return dataclasses.replace(data, pixels=data.pixels[:1000], labels=data.labels[:1000])


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    """Writes a user's module; returns the import path of its function `embed`."""

    def write(text):
        (tmp_path / "plugged.py").write_text(f"import numpy as np\n{text}\n")
        importlib.invalidate_caches()
        monkeypatch.delitem(importlib.sys.modules, "plugged", raising=False)
        return "plugged:embed"

    monkeypatch.setattr("sys.dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    return write


def function_net(function):
    return FeatureNet("mine", "mine", 0, function)


@pytest.mark.parametrize("name", PINNED)
def test_packaged_nets_give_features_and_probabilities(name, digits):
    net = load_features(name)
    assert (net.name, net.sha256, net.classes) == (name, PINNED[name], 10)
    extracted = net.extract(digits.pixels[:7])
    features, probabilities = extracted.features, extracted.probabilities
    assert features.shape == (7, 224 if name == COLOUR else 128)
    assert features.dtype == np.float32
    assert features.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), np.ones(7), atol=1e-5)


def test_the_digit_net_knows_its_digits(digits):
    probabilities = load_features("mnist").extract(digits.pixels).probabilities
    assert np.mean(probabilities.argmax(axis=1) == digits.labels) >= 0.99


def test_few_features_are_dead(digits):
    features = load_features("mnist").extract(digits.pixels).features
    assert np.mean(features.max(axis=0) > 0) > 0.9


def test_all_weights_are_small():
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*.npz")) < 4e6


def test_features_do_not_depend_on_the_batch_size(digits):
    net = load_features("mnist")
    whole, alone = (net.extract(digits.pixels[:60], batch_size=size) for size in (60, 7))
    np.testing.assert_allclose(whole.features, alone.features, atol=1e-5)
    np.testing.assert_allclose(whole.probabilities, alone.probabilities, atol=1e-5)


@pytest.mark.parametrize("place", [0, 1000, -1])
def test_a_flipped_byte_is_refused(place, tmp_path, monkeypatch):
    raw = bytearray((WEIGHTS / "mnist.npz").read_bytes())
    raw[place] ^= 1
    (tmp_path / "mnist.npz").write_bytes(raw)
    monkeypatch.setattr(packaged_nets, "WEIGHTS", tmp_path)
    with pytest.raises(UserError, match=r"mnist\.npz: damaged weights.*install jaxgan again"):
        load_features("mnist")


def test_missing_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(packaged_nets, "WEIGHTS", tmp_path)
    with pytest.raises(UserError, match=r"mnist\.npz: No such file.*install jaxgan again"):
        load_features("mnist")


def test_other_shapes_than_the_nets_are_refused():
    with pytest.raises(UserError, match=r"shape \(32, 32, 1\); must be \(28, 28, 1\)"):
        load_features("mnist").extract(np.zeros((2, 32, 32, 1), np.uint8))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 4, 4, 1), np.float32),
        np.zeros((2, 4, 4), np.uint8),
        np.zeros((0, 4, 4, 1), np.uint8),
    ],
    ids=["floats", "three axes", "none"],
)
def test_what_is_not_pixels_is_refused(pixels):
    with pytest.raises(UserError, match="must be uint8 of shape"):
        function_net(np.sum).extract(pixels)


def test_a_users_function_gives_features(user_module):
    path = user_module("def embed(pixels): return pixels.mean(axis=(1, 2))")
    net = load_features(path)
    assert (net.name, net.sha256) == (path, path)
    pixels = np.arange(5 * 4 * 4 * 3, dtype=np.uint8).reshape(5, 4, 4, 3)
    extracted = net.extract(pixels, batch_size=2)
    np.testing.assert_allclose(extracted.features, pixels.mean(axis=(1, 2)), rtol=1e-6)
    assert extracted.probabilities is None


def test_a_users_function_may_give_probabilities(user_module):
    path = user_module("def embed(x): return x[:, 0, 0], np.full((len(x), 4), 0.25)")
    extracted = load_features(path).extract(jnp.ones((3, 2, 2, 1), jnp.uint8), batch_size=2)
    assert extracted.features.shape == (3, 1)
    np.testing.assert_array_equal(extracted.probabilities, np.full((3, 4), 0.25))


def test_a_users_function_is_called_with_one_shape():
    seen = []
    net = function_net(lambda pixels: (seen.append(pixels.shape), pixels[:, :, 0, 0])[1])
    net.extract(np.ones((5, 2, 2, 1), np.uint8), batch_size=2)
    assert seen == [(2, 2, 2, 1)] * 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "mnst",
            "unknown features 'mnst'; known: mnist, fashion_mnist, .*, and the import path",
        ),
        (":embed", "unknown features"),
        ("no_such_package.nets:embed", "cannot be imported: ModuleNotFoundError.*PYTHONPATH"),
        ("math:no_such_function", "cannot be imported: AttributeError"),
        ("math:pi", "float is not callable"),
    ],
)
def test_a_name_that_means_nothing_is_refused(name, message):
    with pytest.raises(UserError, match=message):
        load_features(name)


def test_a_module_that_fails_is_named(user_module):
    with pytest.raises(UserError, match="cannot be imported: ZeroDivisionError"):
        load_features(user_module("1 / 0"))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda x: np.ones(len(x)), r"shape \(2,\) for 2 images; must be \(2, features\)"),
        (lambda x: np.ones((len(x) + 1, 3)), r"shape \(3, 3\) for 2 images"),
        (lambda x: np.ones((len(x), 0)), r"shape \(2, 0\)"),
        (lambda x: None, r"shape \(\)"),
        (lambda x: np.full((len(x), 3), np.nan), "features 'mine' holds NaN or infinity"),
        (lambda x: (np.ones((len(x), 3)), np.ones((len(x), 3))), "sums to 3: must be 1"),
        (lambda x: (np.ones((len(x), 3)),) * 3, "gave 3 arrays"),
        (lambda x: 1 / 0, "failed on uint8 pixels of shape.*ZeroDivisionError"),
    ],
)
def test_what_is_not_features_is_refused(result, message):
    with pytest.raises(UserError, match=message):
        function_net(result).extract(np.ones((2, 4, 4, 1), np.uint8), batch_size=2)


def test_folding_batch_normalisation_leaves_the_net_as_it_was(tmp_path, digits):
    net = Classifier(normalise=True)

    @jax.jit
    def trained(images):
        variables = net.init(jax.random.key(0), images)
        _, changed = net.apply(variables, images, train=True, mutable=["batch_stats"])
        variables = {**variables, **changed}
        return variables, net.apply(variables, images)

    variables, (expected, logits) = trained(to_images(jnp.asarray(digits.pixels[:50])))
    raw = train_features.write_weights(
        tmp_path / "x.npz", train_features.fold_batch_norm(variables)
    )
    found = packaged_net("x", raw).extract(digits.pixels[:50])
    np.testing.assert_allclose(found.features, expected, atol=2e-3)  # of half precision
    np.testing.assert_allclose(found.probabilities, jax.nn.softmax(logits), atol=2e-3)


def test_an_image_is_altered_as_far_as_the_config_says(digits):
    images = to_images(jnp.asarray(digits.pixels[:9]))
    key = jax.random.key(0)
    np.testing.assert_allclose(train_features.augment(PLAIN, images, key), images, atol=1e-5)
    mirroring = dataclasses.replace(PLAIN, mirror=True)
    for image, altered in zip(images, train_features.augment(mirroring, images, key), strict=True):
        either = (image, image[:, ::-1])
        assert min(float(jnp.abs(altered - other).max()) for other in either) < 1e-5
    for erasing in (
        dataclasses.replace(PLAIN, erase=28),
        dataclasses.replace(PLAIN, erase=28, crop=1),
    ):
        np.testing.assert_array_equal(
            train_features.augment(erasing, images, key), np.full(images.shape, -1.0)
        )


def test_a_square_of_any_image_is_erased():
    ones = jnp.ones((5, 9, 3))
    places = set()
    for seed in range(40):
        erased = np.asarray(train_features.erase_square(ones, 3, jax.random.key(seed)))
        rows, columns = np.nonzero(erased[..., 0] == -1)
        places.add((rows.min(), columns.min()))
        assert np.sum(erased == -1) == 3 * 3 * 3
        assert np.ptp(rows) == np.ptp(columns) == 2
    assert {row for row, _ in places} == {0, 1, 2}
    assert {column for _, column in places} == set(range(7))
    np.testing.assert_array_equal(train_features.erase_square(ones, 0, jax.random.key(0)), ones)


def test_a_cropped_image_is_a_part_of_the_reflected_one_or_its_mirror(digits):
    images = to_images(jnp.asarray(digits.pixels[:8]))
    config = dataclasses.replace(PLAIN, crop=1, mirror=True)
    cropped = train_features.augment(config, images, jax.random.key(0))
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    found = set()
    for image, source in zip(np.asarray(cropped), padded, strict=True):
        places = [
            (top, left, step)
            for top in range(3)
            for left in range(3)
            for step in (1, -1)
            if (image == source[top : top + 28, left : left + 28][:, ::step]).all()
        ]
        assert places
        found.add(places[0])
    assert len(found) > 3


def test_the_net_of_colour_images_takes_any_size_and_grey():
    """Also shows that its batch normalization can be folded in as that of the other net."""
    random = np.random.default_rng(0)
    variables = ColourClassifier(normalise=True).init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    variables = jax.tree.map(  # as after training: no mean and bias is 0, no variance 1
        lambda leaf: leaf + random.uniform(0, 0.5, leaf.shape) if leaf.ndim == 1 else leaf,
        variables,
    )
    params = train_features.fold_batch_norm(variables)
    pixels = random.integers(0, 256, (4, 32, 32, 1), dtype=np.uint8)
    features, probabilities = classify_colour(params, pixels)
    views = [to_images(jnp.asarray(p.repeat(3, axis=3))) for p in (pixels, pixels[:, :, ::-1])]
    seen, mirrored = (ColourClassifier(normalise=True).apply(variables, view)[0] for view in views)
    np.testing.assert_allclose(features, (seen + mirrored) / 2, atol=1e-5)
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1, rtol=1e-5)
    # Antialiased, so a chequerboard is its mean.
    rows, columns = np.indices((64, 64))
    board = np.where((rows + columns) % 2, 100, 200).astype(np.uint8)
    seen, _ = classify_colour(params, np.tile(board[None, ..., None], (4, 1, 1, 3)))
    mean, _ = classify_colour(params, np.full((4, 32, 32, 3), 150, np.uint8))
    np.testing.assert_allclose(seen, mean, atol=1e-2 * np.abs(mean).max())


@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (2, 5, 7, 3)])
def test_pooling_by_slices_is_that_of_flax(shape):
    x = jax.random.normal(jax.random.key(0), shape)
    np.testing.assert_array_equal(max_pool_2x2(x), nn.max_pool(x, (2, 2), (2, 2)))


def test_a_whitening_kernel_makes_patches_uncorrelated():
    rng = np.random.default_rng(0)
    wanted = rng.integers(0, 256, (50, 9, 9, 3)).astype(float)
    for axis in (1, 2, 3):  # neighbours and colours become alike
        wanted = (wanted + np.roll(wanted, 1, axis)) / 2
    kernel = whitening_kernel(wanted.astype(np.uint8), 24)
    images = to_images(jnp.asarray(wanted.astype(np.uint8)))
    out = jax.lax.conv_general_dilated(
        images, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    ).reshape(-1, 24)
    np.testing.assert_array_equal(kernel[..., :12], -kernel[..., 12:])
    covariance = np.cov(out[:, :12].T)
    variances = np.diag(covariance)
    np.testing.assert_allclose(covariance - np.diag(variances), 0, atol=1e-4)
    # Only the components that are almost 0 are kept small.
    assert np.all(variances <= 1.0001)
    assert variances[0] > 0.99
    with pytest.raises(ValueError, match="26 channels for patches of 12 values"):
        whitening_kernel(wanted.astype(np.uint8), 26)


def test_muon_keeps_the_norm_of_kernels_and_a_whitening_first_one():
    config = dataclasses.replace(
        PLAIN, net=COLOUR, crop=1, muon=0.1, whiten=8, epochs=1, batch_size=4, learning_rate=0.01
    )
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    tx = train_features.optimizer(config, 2)
    before = train_features.init(config, tx, jax.random.key(0), pixels)
    first = np.asarray(before.variables["params"]["conv0"]["kernel"])
    np.testing.assert_array_equal(first, whitening_kernel(pixels, 24))
    state = before
    for _ in range(2):
        state, loss = train_features.update(
            config, tx, state, pixels, np.arange(8) % 4, np.arange(4)
        )
    assert np.isfinite(loss)
    params = state.variables["params"]
    for index in range(7):
        kernel = np.asarray(params[f"conv{index}"]["kernel"])
        np.testing.assert_allclose(np.linalg.norm(kernel), kernel.shape[3] ** 0.5, rtol=1e-5)
    after = np.asarray(params["conv0"]["kernel"])
    np.testing.assert_allclose(
        after / np.linalg.norm(after), first / np.linalg.norm(first), atol=1e-6
    )


@pytest.mark.parametrize(
    ("net", "data", "known"),
    [
        ("mnist", {"name": "mnist"}, True),
        ("mnist", {"name": "kmnist"}, False),  # as many classes, but other ones
        ("colour", {"name": "cifar10"}, True),
        ("colour", {"name": "photos", "class_names": CLASS_NAMES}, True),
        ("colour", {"name": "photos", "class_names": ("cat", "dog")}, False),
        ("colour", {"name": "cifar100"}, False),
        ("plugged:embed", {"name": "photos"}, True),
    ],
)
def test_only_a_net_of_the_datas_classes_tells_labels(net, data, known):
    pixels, labels = np.zeros((1, 2, 2, 3), np.uint8), np.zeros(1, np.int32)
    facts = {"name": "", "split": "train", "classes": 10, "source": "", "sha256": ""}
    data = Dataset(pixels=pixels, labels=labels, **facts | data)
    assert packaged_nets.knows_labels(FeatureNet(net, net, 10, np.sum), data) is known


@pytest.mark.slow  # it compiles for most of its time
def test_the_same_seed_trains_the_same_net(digits):
    few = dataclasses.replace(digits, pixels=digits.pixels[:16], labels=digits.labels[:16])
    config = dataclasses.replace(PLAIN, epochs=1, batch_size=8)
    (first,), (second,) = (train_features.train(config, few) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_a_setting_that_is_not_allowed_is_named():
    with pytest.raises(UserError, match=r"config\.dropout = 1\.5: must be a number from 0"):
        FeatureConfig(DataConfig(), dropout=1.5)
    with pytest.raises(UserError, match=r"config\.whiten = 9: must be 0, or config\.net 'colour'"):
        FeatureConfig(DataConfig(), whiten=9)
