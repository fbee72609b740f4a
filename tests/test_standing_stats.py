"""The statistics of batch norm that averaged weights are sampled with."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.cli.sample import sample
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, EmaConfig, EvaluateConfig, TrainConfig
from jaxgan.evaluation import generated
from jaxgan.gan.sampling import BLOCK, cycled_labels, generate, sample_latents
from jaxgan.gan.standing_stats import (
    BATCH_STATS,
    STANDING_BLOCKS,
    count_standing_latents,
    inference_variables,
    standing_stats,
)
from jaxgan.gan.state import build_gan, init_state
from jaxgan.networks.layers import BatchNorm
from jaxgan.networks.mixed_precision import Network
from jaxgan.training import run_writer
from jaxgan.training.setup import initial_state, prepare_training
from jaxgan.types import Stream, stream_key
from tests import tiny
from tests.test_networks import quick

SHAPE = (16, 16, 1)
CONFIG = Config(
    network=NetworkConfig(name="infogan", latent_size=6, gen_channels=4, disc_channels=4),
    train=TrainConfig(batch_size=8),
    ema=EmaConfig(half_life=100),
)
SNGAN = {"name": "sngan", "remat": True, "conditional": True}


def averaged(**network):
    """A GAN whose averaged weights are far from those that train."""
    network = dataclasses.replace(CONFIG.network, **network)
    gan = build_gan(dataclasses.replace(CONFIG, network=network), SHAPE, classes=10)
    state = quick(lambda key: init_state(gan, SHAPE, key))(jax.random.key(0))
    return gan, state.replace(ema_params=jax.tree.map(lambda p: 3 * p, state.gen.params))


class Scaled(nn.Module):
    """z times a weight, normalised by Flax's own batch norm, whose averages move by 0.01."""

    @nn.compact
    def __call__(self, z, train):
        scale = self.param("scale", nn.initializers.ones, ())
        return nn.BatchNorm(use_running_average=not train, momentum=0.99)(scale * z)


class Labelled(nn.Module):
    """z plus its label, normalised by the project's batch norm."""

    @nn.compact
    def __call__(self, z, train, labels):
        return BatchNorm()(z + labels[:, None], train)


@pytest.mark.parametrize(
    "network",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"conditional": True},
        {"precision": "bfloat16"},
        {"name": "dcgan"},
        pytest.param(SNGAN, marks=pytest.mark.slow),
    ],
    ids=["infogan", "labels", "bfloat16", "dcgan", "sngan"],
)
def test_averaged_weights_give_at_test_time_what_they_give_in_training(network):
    gan, state = averaged(**network)
    params, stats = inference_variables(gan, state)
    assert params is state.ema_params
    assert count_standing_latents(state) == STANDING_BLOCKS * BLOCK
    z = sample_latents(gan, BLOCK, jax.random.key(1))
    labels = cycled_labels(gan, BLOCK)
    rest = () if labels is None else (labels,)
    variables = {"params": params, **stats}
    apply = quick(functools.partial(gan.gen.apply, mutable=list(stats)), static_argnums=2)
    wanted, _ = apply(variables, z, True, *rest)

    def off(statistics):
        return float(jnp.abs(generate(gan, params, statistics, z, labels) - wanted).mean())

    assert off(stats) < 0.1 * off(state.gen.stats)


def test_standing_statistics_are_means_of_the_batches_own():
    gan, state = averaged()
    gan = dataclasses.replace(gan, gen=Network(Scaled(), "float32", "default"))
    kept = {BATCH_STATS: {"BatchNorm_0": {"mean": jnp.full(6, 7.0), "var": jnp.full(6, 7.0)}}}
    ones = {"scale": jnp.ones(6), "bias": jnp.zeros(6)}
    params = {"scale": jnp.array(2.0), "BatchNorm_0": ones}
    found = standing_stats(gan, params, kept, state.key)[BATCH_STATS]["BatchNorm_0"]
    z = sample_latents(gan, STANDING_BLOCKS * BLOCK, stream_key(state.key, Stream.STANDING, 0))
    blocks = np.asarray(2 * z).reshape(STANDING_BLOCKS, BLOCK, 6)
    np.testing.assert_allclose(found["mean"], blocks.mean((0, 1)), atol=1e-4)
    np.testing.assert_allclose(found["var"], blocks.var(1).mean(0), rtol=1e-4)


def test_standing_statistics_are_of_every_class():
    gan, state = averaged()
    gan = dataclasses.replace(gan, gen=Network(Labelled(), "float32", "default"), classes=300)
    z = sample_latents(gan, STANDING_BLOCKS * BLOCK, stream_key(state.key, Stream.STANDING, 0))
    x = np.asarray(z) + np.arange(STANDING_BLOCKS * BLOCK)[:, None] % 300
    blocks = x.reshape(STANDING_BLOCKS, BLOCK, 6)
    variables = gan.gen.init(state.key, z[:2], True, jnp.arange(2))
    params = variables.pop("params")
    found = standing_stats(gan, params, variables, state.key)[BATCH_STATS]["BatchNorm_0"]
    np.testing.assert_allclose(found["mean"], blocks.mean((0, 1)), rtol=1e-4)
    np.testing.assert_allclose(found["variance"], blocks.var(1).mean(0), rtol=1e-4)


def test_the_weights_that_train_keep_their_own_statistics():
    gan, state = averaged()
    state = state.replace(ema_params={})
    params, stats = inference_variables(gan, state)
    assert params is state.gen.params
    assert stats is state.gen.stats
    assert count_standing_latents(state) == 0


def test_a_network_without_batch_norm_is_left_as_it_is():
    gan, state = averaged(name="mlp", gen_channels=64, disc_channels=64)
    params, stats = inference_variables(gan, state)
    assert params is state.ema_params
    assert stats == {}
    assert count_standing_latents(state) == 0


def test_wherever_images_are_drawn_the_statistics_of_the_weights_that_train_do_not_count(
    tmp_path, monkeypatch
):
    config = dataclasses.replace(
        tiny.config(tiny.write_data(tmp_path / "data", side=28)),
        network=dataclasses.replace(CONFIG.network, gen_widths=(), disc_widths=()),
        ema=CONFIG.ema,
        evaluate=EvaluateConfig(every=1, num_samples=20, features="tests.tiny:flat_features"),
    )
    setup = prepare_training(config)
    state = initial_state(setup, 0)
    wrong = jax.tree.map(lambda kept: kept + 5, state.gen.stats)
    spoilt = state.replace(gen=state.gen.replace(stats=wrong))

    def drawn(state):
        monkeypatch.setattr("jaxgan.cli.sample.load_run", lambda *of: (config, setup.gan, state))
        sample(tmp_path, "last", 20, 0, tmp_path / "drawn.npz")
        evaluated = generated.generate_pixels(tmp_path, setup.gan, state, 20, 0)
        yield np.load(tmp_path / "drawn.npz")["images"]
        yield run_writer._sample(setup, config.seed, state)
        yield evaluated["generator"]
        yield setup.evaluator.evaluate(state)[1].samples
        yield evaluated["raw_generator"]

    equal = [np.array_equal(*images) for images in zip(drawn(state), drawn(spoilt), strict=True)]
    assert equal == [True, True, True, True, False]
