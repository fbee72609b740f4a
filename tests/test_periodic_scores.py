"""Values of a periodic evaluation, for known images and known logits."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.config.errors import UserError
from jaxgan.data import load_data
from jaxgan.evaluation import periodic
from jaxgan.gan import sampling
from jaxgan.networks.mixed_precision import Network
from jaxgan.types import to_images
from tests import tiny
from tests.test_periodic_evaluation import DISTANCE, FLAT, ON, N, make_evaluator, measured_config


def emit(monkeypatch, images):
    def generate(gan, params, stats, z, labels):
        del gan, params, stats, labels
        return images[: len(z)]

    monkeypatch.setattr(sampling, "generate", generate)


def test_copies_of_training_images_are_at_distance_zero_beside_their_originals(data, monkeypatch):
    evaluator, state, train_set = make_evaluator(data)
    emit(monkeypatch, to_images(jnp.asarray(train_set.pixels[:N])))
    row, pairs = evaluator.evaluate(state)
    assert row[f"eval/copying/train/n{N}"] == 0
    assert pairs.ratios.tolist() == [0] * periodic.PAIRS
    np.testing.assert_array_equal(pairs.samples, pairs.nearest)


def test_the_discriminator_is_judged_by_its_logits_of_held_out_and_generated(data, monkeypatch):
    evaluator, state, train_set = make_evaluator(data)
    test = load_data(measured_config(data).data, "test").pixels[:N]
    known = {
        part[0].tobytes(): value
        for part, value in ((train_set.pixels, 3.0), (test, 2.0), (np.full_like(test, 255), -2.0))
    }
    monkeypatch.setattr(
        periodic, "logits", lambda gan, disc, pixels, labels: np.full(N, known[pixels[0].tobytes()])
    )
    emit(monkeypatch, jnp.ones((N, tiny.SIDE, tiny.SIDE, 1)))
    row = evaluator.evaluate(state)[0]
    assert row[f"eval/disc_accuracy/test/n{N}"] == row[f"eval/disc_auc/test/n{N}"] == 1
    error = row[f"eval/disc_calibration_error/test/n{N}"]
    assert error == pytest.approx(1 / (1 + np.exp(2)))
    assert row[f"eval/disc_logit_gap/train-test/n{N}"] == 1
    assert row[f"eval/disc_accuracy_gap/train-test/n{N}"] == 0


def test_logits_come_in_equal_blocks_and_none_is_lost(data, monkeypatch):
    evaluator, state, train_set = make_evaluator(data)
    whole = periodic.logits(evaluator.gan, state.disc, train_set.pixels, train_set.labels)
    monkeypatch.setattr(periodic, "BATCH", 30)
    parts = periodic.logits(evaluator.gan, state.disc, train_set.pixels, train_set.labels)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)


def test_fewer_samples_than_a_pack_are_refused(data):
    few = dataclasses.replace(ON, num_samples=3)
    config = dataclasses.replace(measured_config(data, few), packing=4)
    with pytest.raises(UserError, match=r"num_samples = 3: .* at least config\.packing = 4"):
        make_evaluator(data, config)


def test_packs_larger_than_a_block_are_judged_one_by_one(data, monkeypatch):
    config = dataclasses.replace(measured_config(data, ON), packing=4)
    evaluator, state, train_set = make_evaluator(data, config)
    whole = periodic.logits(evaluator.gan, state.disc, train_set.pixels, train_set.labels)
    assert len(whole) == tiny.EXAMPLES // 4
    monkeypatch.setattr(periodic, "BATCH", 3)
    parts = periodic.logits(evaluator.gan, state.disc, train_set.pixels, train_set.labels)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)


def test_images_that_are_not_finite_have_no_distance_and_are_no_best(data, monkeypatch):
    evaluator, state, _ = make_evaluator(data)
    emit(monkeypatch, jnp.full((N, tiny.SIDE, tiny.SIDE, 1), jnp.nan))
    row, pairs = evaluator.evaluate(state)
    assert row[DISTANCE] is None
    assert pairs is None


def test_a_net_without_classes_gives_the_distance_alone(data):
    evaluator, state, _ = make_evaluator(data, evaluate=dataclasses.replace(ON, features=FLAT))
    names = {name.split("/")[1] for name in evaluator.evaluate(state)[0]}
    assert "frechet" in names
    assert not names & {"class_distance", "class_fractions"}


class ByClass(nn.Module):
    """Images as grey as their class is high; z goes nowhere."""

    def __call__(self, z, train, labels):
        del train
        grey = labels[:, None, None, None] / 4.5 - 1
        return jnp.broadcast_to(grey, (len(z), tiny.SIDE, tiny.SIDE, 1))


def test_a_class_conditional_generator_is_asked_for_its_classes_in_turn(data, monkeypatch):
    monkeypatch.setattr(sampling, "BLOCK", 16)
    gen = Network(ByClass(), "float32", "default")
    gan = dataclasses.replace(make_evaluator(data)[0].gan, gen=gen, classes=10)
    pixels, bad = sampling.generate_finite(gan, {}, {}, 25, jax.random.key(0))
    shown = np.round(pixels[:, 0, 0, 0] / 255 * 9).astype(int)
    assert (shown.tolist(), bad) == ([i % 10 for i in range(25)], 0)
