import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgan.config.errors import UserError
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, EmaConfig, ScheduleConfig, TrainConfig
from jaxgan.gan import steps, updates
from jaxgan.gan.losses import LOSSES, smooth_labels
from jaxgan.gan.sampling import sample_latents
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import build_gan, init_state
from jaxgan.gan.steps import train_epoch
from jaxgan.networks.layers import BatchNorm
from jaxgan.networks.mixed_precision import Network
from jaxgan.types import Batch, Stream

# To compile the operations one by one takes longer.
d_update, g_update, train_step = (
    jax.jit(function, static_argnums=0)
    for function in (updates.d_update, updates.g_update, steps.train_step)
)
SHAPE = (4, 4, 1)
KEY = jax.random.key(3)
SMALL = dataclasses.replace(
    Config(),
    network=NetworkConfig(latent_size=5, gen_widths=(7,), disc_widths=(6,)),
    train=TrainConfig(batch_size=8),
)


def small(**changes):
    gan = build_gan(dataclasses.replace(SMALL, **changes), SHAPE)
    return gan, jax.jit(init_state, static_argnums=(0, 1))(gan, SHAPE, jax.random.key(0))


def real_batch(count=8, seed=1):
    return Batch(jax.random.uniform(jax.random.key(seed), (count, *SHAPE), minval=-1))


def same(a, b):
    return all(jax.tree.leaves(jax.tree.map(lambda x, y: bool(jnp.all(x == y)), a, b)))


def test_d_update_leaves_the_generator_alone():
    gan, state = small()
    after, _ = d_update(gan, state, real_batch(), jax.random.key(2))
    assert same(after.gen, state.gen)
    assert not same(after.disc.params, state.disc.params)


def test_g_update_leaves_the_discriminator_alone():
    gan, state = small()
    after, _ = g_update(gan, state, real_batch(), jax.random.key(2))
    assert same(after.disc, state.disc)
    assert not same(after.gen.params, state.gen.params)


def test_a_step_is_a_d_update_and_then_a_g_update_against_the_new_discriminator():
    gan, state = small()
    real, key = real_batch(), jax.random.key(2)

    @jax.jit  # as one program, whose roundings are the same
    def updated(state):
        (update_key,) = jax.random.split(key, 1)
        between, _ = updates.d_update(gan, state, real, update_key)
        wanted, _ = updates.g_update(gan, between, real, update_key)
        return steps.train_step(gan, state, real, key)[0], wanted

    after, wanted = updated(state)
    assert same((after.gen, after.disc), (wanted.gen, wanted.disc))
    assert int(after.step) == 1


def test_each_d_step_sees_its_own_batch():
    gan, state = small(train=TrainConfig(batch_size=8, d_steps=2))
    real, key = real_batch(16), jax.random.key(2)

    @jax.jit  # as one program, whose roundings are the same
    def updated(state):
        first, second = jax.random.split(key, 2)
        wanted, _ = updates.d_update(gan, state, Batch(real.images[:8]), first)
        wanted, _ = updates.d_update(gan, wanted, Batch(real.images[8:]), second)
        return steps.train_step(gan, state, real, key)[0], wanted

    after, wanted = updated(state)
    assert same(after.disc, wanted.disc)


def test_the_generators_forward_pass_is_computed_once_per_step():
    gan, state = small(network=NetworkConfig(latent_size=16, gen_widths=(32,), disc_widths=(32,)))

    def products(function):
        compiled = jax.jit(function, static_argnums=0).lower(
            gan, state, real_batch(), jax.random.key(0)
        )
        return compiled.compile().as_text().count(" dot(")

    generator_layers = 2
    apart = products(d_update) + products(g_update)
    assert products(train_step) == apart - generator_layers


def test_losses_are_those_of_the_logits():
    gan, state = small()
    real, key = real_batch(), jax.random.key(2)
    _, (metrics, *_) = d_update(gan, state, real, key)
    z = sample_latents(gan, 8, jax.random.fold_in(key, Stream.LATENTS))
    fake = gan.gen.apply({"params": state.gen.params}, z, train=True)
    prob_real, prob_fake = (
        jax.nn.sigmoid(gan.disc.apply({"params": state.disc.params}, images, train=True))
        for images in (real.images, fake)
    )
    loss = -jnp.mean(jnp.log(prob_real)) - jnp.mean(jnp.log(1 - prob_fake))
    np.testing.assert_allclose(metrics["disc/loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(metrics["disc/prob_real"], prob_real.mean(), rtol=1e-6)
    np.testing.assert_allclose(metrics["disc/prob_fake"], prob_fake.mean(), rtol=1e-6)


def pixels_and_order(steps=4):
    pixels = jax.random.randint(jax.random.key(4), (64, *SHAPE), 0, 256).astype(jnp.uint8)
    return pixels, jax.random.permutation(jax.random.key(5), 64)[: steps * 8].reshape(steps, 8)


def test_an_epoch_in_chunks_gives_the_bits_of_the_whole():
    gan, state = small()
    pixels, order = pixels_and_order()
    whole, (history, *_) = train_epoch(gan, state, pixels, order)
    _, parts = small()
    losses = []
    for start, stop in ((0, 1), (1, 2), (2, 4)):
        parts, (metrics, *_) = train_epoch(gan, parts, pixels, order[start:stop])
        losses.append(metrics["gen/loss"])
    assert same(whole.replace(key=0), parts.replace(key=0))
    assert same(history["gen/loss"], jnp.concatenate(losses))


@pytest.mark.parametrize("num_steps", [1, 3, 4])
def test_a_number_of_steps_gives_the_bits_of_the_scan_and_zeros_after_it(num_steps):
    config = dataclasses.replace(
        SMALL,
        network=dataclasses.replace(SMALL.network, conditional=True),
        train=TrainConfig(batch_size=8, d_steps=2),
    )
    gan, labels = build_gan(config, SHAPE, classes=3), jnp.arange(64) % 3
    pixels, order = pixels_and_order(steps=8)
    order = order.reshape(4, 16)
    state = init_state(gan, SHAPE, KEY)
    expected, (history, sums, _) = train_epoch(gan, state, pixels, order[:num_steps], labels)
    state = init_state(gan, SHAPE, KEY)
    found, (metrics, checksums, _) = train_epoch(
        gan, state, pixels, order, labels, jnp.int32(num_steps)
    )
    assert same(expected.replace(key=0), found.replace(key=0))
    for values, known in ((metrics, history), (checksums, sums)):
        for name, value in known.items():
            assert same(values[name][:num_steps], value)
            assert not np.any(values[name][num_steps:])


def test_steps_draw_different_latents():
    gan, state = small()
    pixels, _ = pixels_and_order()
    order = jnp.zeros((2, 8), jnp.int32)
    gan = dataclasses.replace(gan, disc_tx=freeze(), gen_tx=freeze())
    state = state.replace(
        gen=state.gen.replace(opt_state=()), disc=state.disc.replace(opt_state=())
    )
    _, (history, *_) = train_epoch(gan, state, pixels, order)
    assert history["gen/loss"][0] != history["gen/loss"][1]
    assert history["disc/prob_real"][0] == history["disc/prob_real"][1]


def freeze():
    """An optimiser that changes nothing."""
    zero = lambda grads, state, params: (jax.tree.map(jnp.zeros_like, grads), state)  # noqa: E731
    return optax.GradientTransformation(lambda params: (), zero)


def test_the_state_is_donated():
    gan, state = small()
    pixels, order = pixels_and_order()
    kernel = state.gen.params["Linear_0"]["dense"]["kernel"]
    train_epoch(gan, state, pixels, order)
    assert kernel.is_deleted()


def test_an_update_with_a_non_finite_loss_is_skipped_and_counted():
    gan, state = small()
    real = Batch(real_batch().images.at[0, 0, 0, 0].set(jnp.nan))
    after, (metrics, *_) = train_step(gan, state, real, jax.random.key(2))
    assert same(after.disc, state.disc)
    assert metrics["disc/skipped"] == 1
    assert metrics["gen/skipped"] == 0
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(after.gen.params))


def test_skipped_updates_of_every_d_step_are_counted():
    gan, state = small(train=TrainConfig(batch_size=8, d_steps=3))
    for broken, skipped in (([0], 1), ([0, 1, 2], 3), ([], 0)):
        images = np.array(real_batch(24).images).reshape(3, 8, *SHAPE)
        images[broken, 0] = np.nan
        _, (metrics, *_) = train_step(
            gan, state, Batch(images.reshape(24, *SHAPE)), jax.random.key(2)
        )
        assert metrics["disc/skipped"] == skipped


def test_what_a_cpu_and_a_gpu_compute_is_alike(monkeypatch):
    gan, state = small()
    args = (state, real_batch(), jax.random.key(2))
    of_cpu = jax.jit(functools.partial(steps.train_step, gan))(*args)
    traced = []

    def choose_gpu(*operands, default, **of_platforms):
        traced.append(of_platforms)
        return of_platforms.get("cuda", default)(*operands)

    monkeypatch.setattr(jax.lax, "platform_dependent", choose_gpu)
    of_others = jax.jit(functools.partial(steps.train_step, gan))(*args)
    assert traced
    for a, b in zip(*(jax.tree.leaves(state.gen) for state, _ in (of_cpu, of_others)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    for name, value in of_cpu[1].metrics.items():
        np.testing.assert_allclose(value, of_others[1].metrics[name], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("d_steps", "factors", "left"),
    [(1, (), 0.5), (2, (), 0.25), (2, ((0, 2.0),), 0.5)],
    ids=["a D step", "two D steps", "a scheduled half-life"],
)
def test_the_average_halves_a_weight_after_its_half_life_in_images(d_steps, factors, left):
    gan, state = small(
        ema=EmaConfig(half_life=16),
        train=TrainConfig(batch_size=8, d_steps=d_steps),
        schedule=ScheduleConfig(ema=factors),
    )
    gan = dataclasses.replace(gan, gen_tx=freeze())
    state = state.replace(gen=state.gen.replace(opt_state=()))
    state = state.replace(ema_params=jax.tree.map(lambda p: p + 1, state.gen.params))
    for i in range(2):
        state, _ = train_step(gan, state, real_batch(8 * d_steps), jax.random.key(i))
    for average, weight in zip(
        jax.tree.leaves(state.ema_params), jax.tree.leaves(state.gen.params), strict=True
    ):
        np.testing.assert_allclose(average - weight, left, rtol=1e-5)
    assert inference_variables(gan, state)[0] is state.ema_params


@pytest.mark.parametrize("half_life", [0, 100])
def test_two_states_of_one_config_have_one_structure(half_life):
    gan, first = small(ema=EmaConfig(half_life=half_life))
    second = init_state(gan, SHAPE, jax.random.key(1))
    assert jax.tree.structure(first) == jax.tree.structure(second)
    assert not same(first.gen.params, second.gen.params)


def test_label_smoothing_is_of_ds_loss_alone():
    real, fake = jnp.array([0.3, -1.2]), jnp.array([0.7, 0.1])
    plain, soft = (small(label_smoothing=smoothing)[0].loss for smoothing in (0.0, 0.1))
    wanted = smooth_labels(LOSSES["non_saturating"], 0.1).disc(real, fake)
    np.testing.assert_allclose(soft.disc(real, fake), wanted)
    assert soft.disc(real, fake) != plain.disc(real, fake)
    assert soft.gen is plain.gen


def network_of(module):
    return Network(module, "float32", "default")


class Told(nn.Module):
    """A generator of images that are their label, or a discriminator of how far images are."""

    generates: bool

    @nn.compact
    def __call__(self, inputs, train, labels):
        scale = self.param("scale", nn.initializers.ones, ())
        if self.generates:
            return scale * jnp.broadcast_to(labels[:, None, None, None], (len(labels), *SHAPE))
        return scale * (inputs.mean(axis=(1, 2, 3)) - labels) ** 2


def test_each_generated_image_has_the_label_of_the_real_one_beside_it():
    network = dataclasses.replace(SMALL.network, conditional=True)
    gan = build_gan(dataclasses.replace(SMALL, network=network), SHAPE, 10)
    gan = dataclasses.replace(gan, gen=network_of(Told(True)), disc=network_of(Told(False)))
    state = init_state(gan, SHAPE, jax.random.key(0))
    batch = Batch(real_batch().images, jnp.array([0, 9, 1, 8, 2, 7, 3, 6]))
    _, (of_disc, *_) = d_update(gan, state, batch, jax.random.key(2))
    _, (of_gen, *_) = g_update(gan, state, batch, jax.random.key(2))
    assert of_disc["disc/logit_fake"] == 0
    assert of_disc["disc/logit_real"] > 3
    np.testing.assert_allclose(of_gen["gen/loss"], np.log(2), rtol=1e-6)


class Normed(nn.Module):
    """A discriminator of nothing but batch norm."""

    @nn.compact
    def __call__(self, images, train):
        return BatchNorm()(images, train).mean(axis=(1, 2, 3)) + images[:, 0, 0, 0]


def test_real_and_generated_images_are_normalised_apart():
    gan, state = small()
    gan = dataclasses.replace(gan, disc=network_of(Normed()))
    state = init_state(gan, SHAPE, jax.random.key(0))
    gans = [dataclasses.replace(gan, gen=network_of(Constant(level))) for level in (0.0, 50.0)]
    before, after = (d_update(gan, state, real_batch(), KEY)[1].metrics for gan in gans)
    assert before["disc/logit_fake"] != after["disc/logit_fake"]
    assert before["disc/logit_real"] == after["disc/logit_real"]


class Constant(nn.Module):
    level: float

    @nn.compact
    def __call__(self, z, train):
        return jnp.full((len(z), *SHAPE), self.level)


def test_labels_are_asked_of_data_that_has_some():
    conditional = dataclasses.replace(SMALL.network, conditional=True)
    config = dataclasses.replace(SMALL, network=conditional)
    words = "conditional = True: the data set mnist has no labels; set it to False, or put"
    with pytest.raises(UserError, match=words):
        build_gan(config, SHAPE)
