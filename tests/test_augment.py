import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.gan.augment import AUGMENTATIONS, augment, cutout, translation

IMAGES = jax.random.uniform(jax.random.key(0), (32, 8, 16, 3), minval=-1)
KEY = jax.random.key(1)
COMPILED = {name: jax.jit(function) for name, function in AUGMENTATIONS.items()}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_keeps_the_shape_has_gradients_and_treats_images_apart(name):
    function = COMPILED[name]
    out = function(IMAGES, KEY)
    assert out.shape == IMAGES.shape
    assert not jnp.array_equal(out, IMAGES)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(function(x, KEY)[0])))(IMAGES)
    assert jnp.any(gradient[0] != 0)
    assert not jnp.any(gradient[1:])


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_is_a_function_of_its_key(name):
    function = COMPILED[name]
    np.testing.assert_array_equal(function(IMAGES, KEY), function(IMAGES, KEY))
    assert not jnp.array_equal(function(IMAGES, KEY), function(IMAGES, jax.random.key(2)))


def test_a_translation_moves_by_at_most_an_eighth_and_fills_with_zero():
    dot = jnp.zeros((400, 8, 16, 1)).at[:, 4, 8].set(1)
    image, row, column, _ = np.nonzero(np.asarray(translation(dot, KEY)))
    assert len(image) == 400
    assert set(row) == {3, 4, 5}
    assert set(column) == {6, 7, 8, 9, 10}
    corner = jnp.zeros((400, 8, 16, 1)).at[:, 0, 0].set(1)
    assert 0 < translation(corner, KEY).sum() < 400


@pytest.mark.parametrize(("side", "extent"), [(8, 4), (5, 3), (28, 14), (30, 15)])
def test_a_cut_lies_as_often_at_one_edge_as_at_the_other(side, extent):
    cut = cutout(jnp.ones((4000, side, side, 1)), KEY)[..., 0] == 0
    assert max(map(int, cut.any(axis=2).sum(axis=1))) == extent
    share = np.asarray(cut.any(axis=2)).mean(axis=0)
    places = side + 1 - extent % 2
    bound = 4 * np.sqrt(0.25 / 4000)
    np.testing.assert_allclose(share, share[::-1], atol=2 * bound)
    np.testing.assert_allclose(share[0], (extent // 2 + 1) / places, atol=bound)


def test_a_cut_is_at_most_a_quarter_of_the_image():
    share = np.asarray(cutout(jnp.ones((400, 8, 16, 1)), KEY)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(share.min(), 0.75)
    assert share.max() < 1


@pytest.mark.parametrize(("probability", "low", "high"), [(0.0, 0, 0), (1.0, 32, 32), (0.5, 6, 26)])
def test_the_probability_says_how_many_images_change(probability, low, high):
    out = augment(IMAGES, KEY, ("brightness",), probability)
    changed = int(jnp.sum(jnp.any(out != IMAGES, axis=(1, 2, 3))))
    assert low <= changed <= high


def spread(images):
    """Of each image, less its mean over the axes that an augmentation keeps."""
    return np.asarray(images - images.mean(axis=(1, 2, 3), keepdims=True))


def test_brightness_adds_up_to_a_half_to_a_whole_image():
    added = np.asarray(AUGMENTATIONS["brightness"](IMAGES, KEY) - IMAGES)
    np.testing.assert_allclose(added.std(axis=(1, 2, 3)), 0, atol=1e-6)
    assert -0.5 <= added.min() < -0.4
    assert 0.4 < added.max() <= 0.5


def test_contrast_keeps_the_mean_of_an_image_and_scales_the_rest_by_half_to_three_halves():
    out = AUGMENTATIONS["contrast"](IMAGES, KEY)
    np.testing.assert_allclose(out.mean(axis=(1, 2, 3)), IMAGES.mean(axis=(1, 2, 3)), atol=1e-5)
    factors = spread(out).std(axis=(1, 2, 3)) / spread(IMAGES).std(axis=(1, 2, 3))
    np.testing.assert_allclose(
        spread(out), factors[:, None, None, None] * spread(IMAGES), atol=1e-5
    )
    assert 0.5 <= factors.min() < 0.6
    assert 1.4 < factors.max() <= 1.5


def test_saturation_keeps_the_grey_of_a_pixel_and_scales_its_colour_by_nothing_to_two():
    out = AUGMENTATIONS["saturation"](IMAGES, KEY)
    np.testing.assert_allclose(out.mean(axis=3), IMAGES.mean(axis=3), atol=1e-5)
    colours = [np.asarray(x - x.mean(axis=3, keepdims=True)) for x in (out, IMAGES)]
    factors = (colours[0] * colours[1]).sum((1, 2, 3)) / (colours[1] ** 2).sum((1, 2, 3))
    np.testing.assert_allclose(colours[0], factors[:, None, None, None] * colours[1], atol=1e-5)
    assert 0 <= factors.min() < 0.2
    assert 1.8 < factors.max() <= 2


def test_mirror_turns_about_half_of_the_images():
    out = AUGMENTATIONS["mirror"](IMAGES, KEY)
    turned = [bool(jnp.all(a == b[:, ::-1])) for a, b in zip(out, IMAGES, strict=True)]
    kept = [bool(jnp.all(a == b)) for a, b in zip(out, IMAGES, strict=True)]
    assert all(a != b for a, b in zip(turned, kept, strict=True))
    assert 8 < sum(turned) < 24
