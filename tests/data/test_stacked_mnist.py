"""Stacked MNIST: every channel is a digit of the same split, and the label names all three."""

import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import DATASETS, load_data


@pytest.fixture(scope="module")
def stacks():
    return load_data(DataConfig("stacked_mnist"), "test")


def test_the_stacks_are_the_pinned_ones(stacks):
    assert stacks.pixels.shape == (26_000, 28, 28, 3)
    assert (stacks.pixels.dtype, stacks.labels.dtype) == (np.uint8, np.int32)
    assert stacks.sha256 == DATASETS["stacked_mnist"].sha256["test"]
    assert (stacks.classes, stacks.source) == (1000, "stacks of packaged mnist")


def test_each_channel_is_a_test_digit_of_the_class_that_the_label_says(stacks):
    digits = load_data(DataConfig("mnist"), "test")
    classes = {
        image.tobytes(): label for image, label in zip(digits.pixels, digits.labels, strict=True)
    }
    for image, label in zip(stacks.pixels[:500], stacks.labels[:500], strict=True):
        red, green, blue = (classes[image[..., channel].tobytes()] for channel in range(3))
        assert label == 100 * red + 10 * green + blue


def test_the_modes_are_those_of_random_triples(stacks):
    """Of 26,000 draws from a thousand modes of nearly one size, none has more than 60."""
    counts = np.bincount(stacks.labels, minlength=1000)
    assert (len(counts), counts.min() > 0, counts.max() < 60) == (1000, True, True)


def test_training_stacks_are_the_pinned_ones():
    train = load_data(DataConfig("stacked_mnist", "packaged"))
    assert train.pixels.shape == (128_000, 28, 28, 3)
    assert train.sha256 == DATASETS["stacked_mnist"].sha256["train"]


def test_a_source_without_the_digits_has_no_stacks_either(tmp_path):
    with pytest.raises(UserError, match=r"config\.data\.name = 'mnist': no source has it"):
        load_data(DataConfig("stacked_mnist", "idx", str(tmp_path)))
