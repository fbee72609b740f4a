"""Virtual shards: the same bits on any number of devices, and the same values as a whole batch."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.files import from_mapping
from jaxgan.gan import d_statistics, updates
from jaxgan.gan.state import build_gan, init_state
from jaxgan.parallel.deterministic_mean import batch_mean, over_shards
from jaxgan.parallel.mesh import make_mesh
from jaxgan.types import Batch
from tests.devices import USUAL
from tests.test_mesh import found


@pytest.mark.slow
def test_the_bits_are_the_same_on_one_two_and_eight_devices():
    bits, whole = found("bits:mlp:8:1,2,8", "whole:mlp:8:1", environment=USUAL).values()
    assert len(set(bits.values())) == 1
    assert 0 < whole < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        "bits:everything:4:1,4",
        "bits:batch norm:8:1,8",
        "bits:spectral norm, labels:8:1,8",
        "bits:r3gan:2:1,2",
    ],
)
def test_every_penalty_and_network_has_the_same_bits_on_any_number_of_devices(part):
    (bits,) = found(part, environment=USUAL).values()
    assert len(bits) == 2
    assert len(set(bits.values())) == 1


@pytest.mark.slow
def test_networks_come_to_the_same_in_shards_as_in_one_piece():
    parts = ["whole:batch norm:4:2", "whole:spectral norm, labels:2:1", "whole:r3gan:8:4"]
    for part, difference in found(*parts).items():
        assert difference < 1e-12, part


@pytest.mark.slow
def test_a_run_has_the_same_bits_when_it_moves_between_numbers_of_devices():
    moved = found("moved in shards", environment=USUAL)["moved in shards"]
    assert moved["used"] == [2, 8, 1]
    assert moved["apart"] == 0
    assert moved["replay differs in"] == []


def deviation(scale, part):
    scaled = scale * part
    return jnp.mean((scaled - batch_mean(scaled)) ** 2)


@pytest.mark.parametrize("called", [lambda f: f, jax.checkpoint, jax.jit])
def test_a_mean_half_way_is_over_the_whole_batch_and_so_is_its_gradient(called):
    x = jnp.arange(8.0).reshape(8, 1) ** 2

    def gradient_and_mean(scale, part):
        return jax.grad(called(deviation))(scale, part), batch_mean(part)

    gradient, mean = over_shards(gradient_and_mean, 4, None, jnp.float32(3), x)
    assert float(gradient) == pytest.approx(6 * float(jnp.var(x)), rel=1e-6)
    assert float(mean) == float(jnp.mean(x))


def test_a_mean_within_a_loop_is_refused():
    def looped(whole, part):
        return jax.lax.map(lambda row: batch_mean(row * whole), part), ()

    with pytest.raises(ValueError, match="a batch_mean within scan"):
        over_shards(looped, 2, None, jnp.float32(1), jnp.ones((4, 2)))


def test_without_shards_a_batch_mean_is_a_mean():
    x = jnp.arange(6.0).reshape(3, 2)
    assert jnp.array_equal(batch_mean(x, 0), jnp.mean(x, 0))
    assert jnp.array_equal(jax.vmap(batch_mean)(x), jnp.mean(x, 1))


def test_what_is_to_be_the_same_for_all_shards_must_be():
    with pytest.raises(ValueError, match="depends on a part of the batch"):
        over_shards(lambda whole, part: (whole, jnp.mean(part)), 2, None, jnp.ones(()), jnp.ones(4))


EVERYTHING = {
    "network": {"gen_widths": (7,), "disc_widths": (6,), "latent_size": 5},
    "penalty": dict.fromkeys(("r1", "r2", "wgan_gp", "dragan", "consistency", "lecam"), 0.1),
    "augment": {"policy": ("translation", "brightness"), "target": 0.6, "adapt_images": 100},
    "packing": 2,
    "train": {"batch_size": 16},
    "parallel": {"shards": 4},
}


@pytest.mark.parametrize("player", ["d", pytest.param("g", marks=pytest.mark.slow)])
def test_gradients_and_metrics_are_the_means_of_those_of_each_shard_with_a_key_of_its_own(player):
    gan = build_gan(from_mapping(EVERYTHING), (6, 6, 1))
    state = init_state(gan, (6, 6, 1), jax.random.key(0))
    key = jax.random.key(2)
    real, z = jax.random.normal(key, (16, 6, 6, 1)), jax.random.normal(key, (16, 5))
    grads_name = {"d": "disc_grads", "g": "gen_grads"}[player]
    # To compile the operations one by one takes longer.
    update = jax.jit(getattr(updates, f"{player}_update"), static_argnums=0)
    _, (metrics, _, trace) = update(gan, state, Batch(real), key, z)
    unsharded = dataclasses.replace(gan, shards=0)
    outputs = []
    for i in range(4):
        rows = slice(4 * i, 4 * i + 4)
        part_key = jax.random.fold_in(key, i)
        outputs.append(update(unsharded, state, Batch(real[rows]), part_key, z[rows])[1])
    grads, of_shards = trace[grads_name], [output.metrics for output in outputs]
    for name in metrics:
        if name.split("/")[1] not in ("grad_norm", "skipped"):
            mean = np.mean([one[name] for one in of_shards])
            np.testing.assert_allclose(metrics[name], mean, rtol=1e-5, err_msg=name)
    all_grads = [output.trace[grads_name] for output in outputs]
    mean = jax.tree.map(lambda *values: np.mean(values, axis=0), *all_grads)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-6), grads, mean)


def test_the_augmentations_probability_adapts_to_the_signs_of_the_whole_batch():
    gan = build_gan(from_mapping(EVERYTHING | {"packing": 1, "parallel": {"shards": 2}}), (6, 6, 1))
    logits = jnp.array([1.0, 1, 1, 1, 1, 1, 1, -1])  # mean signs 1 and 0.5, below 0.6 in one
    stats = {"tracked": {"probability": jnp.float32(0.5)}}

    def tracked(stats, part):
        return (), d_statistics.update_d_statistics(gan, stats, part, part)

    for batch, direction in ((logits, 1), (-logits, -1)):
        _, found = over_shards(tracked, 2, None, stats, batch)
        assert float(found["tracked"]["probability"]) == pytest.approx(0.5 + direction * 8 / 100)


def asked(shards, **others):
    return from_mapping({"parallel": {"shards": shards}} | others)


def test_shards_that_cannot_be_are_refused():
    with pytest.raises(UserError, match=r"parallel.shards = 6: must be 0 or a power of two"):
        asked(6)
    with pytest.raises(UserError, match=r"shards = 128: must divide config.train.batch_size = 64"):
        asked(128)
    with pytest.raises(UserError, match=r"shards = 32: must divide .* 16 packs of 4"):
        asked(32, packing=4)
    lazy = {"parallel": {"shards": 2}, "penalty": {"lecam": 0.1, "every": 2}}
    with pytest.raises(UserError, match=r"penalty.every = 2: must be 1 with .*shards and batch"):
        from_mapping({**lazy, "network": {"name": "dcgan"}})
    from_mapping({**lazy, "network": {"name": "dcgan", "disc_norm": "none"}})
    with pytest.raises(UserError, match=r"seeds_at_once = 3: must be 0 or 1 with .*shards"):
        asked(2, seeds=3, train={"seeds_at_once": 3})
    with pytest.raises(UserError, match=r"shards = 4: the 8 devices .* must divide it"):
        make_mesh(from_mapping({"parallel": {"shards": 4, "devices": 0}}), jax.devices() * 8)
