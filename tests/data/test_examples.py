"""The canonical order, the fingerprint, and the checks of known sets."""

import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.data.datasets import DATASETS
from jaxgan.data.examples import (
    Examples,
    canonical_order,
    check_examples,
    check_sha256,
    examples_sha256,
)


@pytest.fixture
def examples(arrays):
    images, labels = arrays["train"]
    return Examples(images[..., None], labels.astype(np.int32), 10, "tests")


def shuffled(examples, seed):
    order = np.random.default_rng(seed).permutation(len(examples.pixels))
    return examples._replace(pixels=examples.pixels[order], labels=examples.labels[order])


@pytest.mark.parametrize("seed", range(5))
def test_the_canonical_order_does_not_depend_on_the_order_given(examples, seed):
    expected, actual = canonical_order(examples), canonical_order(shuffled(examples, seed))
    np.testing.assert_array_equal(expected.pixels, actual.pixels)
    np.testing.assert_array_equal(expected.labels, actual.labels)


def test_the_canonical_order_keeps_every_pair_of_image_and_label(examples):
    def pairs(some):
        return sorted(
            (row.tobytes(), int(label)) for row, label in zip(some.pixels, some.labels, strict=True)
        )

    assert pairs(canonical_order(examples)) == pairs(examples)


def test_canonical_arrays_are_contiguous_and_of_the_declared_types(examples):
    actual = canonical_order(
        examples._replace(pixels=examples.pixels[::2], labels=examples.labels[::2])
    )
    assert actual.pixels.flags.c_contiguous
    assert (actual.pixels.dtype, actual.labels.dtype) == (np.uint8, np.int32)


def test_the_fingerprint_knows_pixels_labels_and_shape(examples):
    pixels, labels = examples.pixels.copy(), examples.labels.copy()
    pixels[0, 0, 0, 0] ^= 1
    labels[0] += 1
    others = [
        examples._replace(pixels=pixels),
        examples._replace(labels=labels),
        examples._replace(pixels=examples.pixels.reshape(-1, 14, 56, 1)),
    ]
    assert len({examples_sha256(some) for some in [examples, *others]}) == 4


@pytest.mark.parametrize("name", DATASETS)
def test_examples_that_a_known_set_cannot_hold_are_refused(name):
    spec = DATASETS[name]
    pixels = np.zeros((spec.examples["test"], *spec.shape), np.uint8)
    labels = np.zeros(len(pixels), np.int32)
    good = Examples(pixels, labels, spec.classes, "tests")
    check_examples(good, name, spec, "test")
    for bad, words in (
        (good._replace(pixels=pixels[:, :1]), "shape"),
        (good._replace(pixels=pixels[1:], labels=labels[1:]), "examples"),
        (good._replace(labels=labels + spec.classes), "labels from"),
        (good._replace(labels=labels - 1), "labels from"),
    ):
        with pytest.raises(UserError, match=words):
            check_examples(bad, name, spec, "test")


def test_a_known_set_under_another_name_is_recognised():
    fashion = DATASETS["fashion_mnist"].sha256["train"]
    for name in ("mnist", "kmnist"):
        with pytest.raises(UserError, match=f"holds fashion_mnist train, not {name} train"):
            check_sha256(fashion, "tests", name, "train")
    check_sha256(fashion, "tests", "fashion_mnist", "train")
    check_sha256("0" * 64, "tests", "kmnist", "train")
