"""Penalties on critics whose gradient is known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config import choices
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import AugmentConfig, Config, PenaltyConfig, ScheduleConfig, TrainConfig
from jaxgan.gan import steps, updates
from jaxgan.gan.augment import translation
from jaxgan.gan.d_statistics import LECAM_DECAY
from jaxgan.gan.penalties import PENALTIES, Critic, consistency, dragan, lecam, r1, r2, wgan_gp
from jaxgan.gan.state import D_RUNNING_STATS, build_gan, init_state, pack
from jaxgan.gan.updates import augment_and_pack, forward, penalty_factor
from jaxgan.types import Batch

# To compile the operations one by one takes longer.
d_update, g_update, train_step = (
    jax.jit(function, static_argnums=0)
    for function in (updates.d_update, updates.g_update, steps.train_step)
)
KEY = jax.random.key(0)
SHAPE = (8, 6, 2)
REAL, FAKE = (jax.random.normal(jax.random.key(i), (4, *SHAPE)) for i in (1, 2))
BATCH = Batch(REAL)
WEIGHT = jax.random.normal(jax.random.key(3), SHAPE)


def linear(weight):
    """Its gradient is the weight, everywhere."""
    return Critic(lambda images: jnp.sum(images * weight[None], axis=(1, 2, 3)))


SQUARE = Critic(lambda images: jnp.sum(images**2, axis=(1, 2, 3)) / 2)  # its gradient is the image


@pytest.mark.parametrize("penalty", [r1, r2])
def test_r1_and_r2_of_a_linear_critic_are_half_its_squared_weight(penalty):
    wanted = jnp.sum(WEIGHT**2) / 2
    np.testing.assert_allclose(penalty(linear(WEIGHT), REAL, FAKE, KEY), wanted, rtol=1e-5)


def test_r1_looks_at_the_real_images_and_r2_at_the_generated_ones():
    for penalty, images in ((r1, REAL), (r2, FAKE)):
        wanted = jnp.sum(images**2) / len(images) / 2
        np.testing.assert_allclose(penalty(SQUARE, REAL, FAKE, KEY), wanted, rtol=1e-5)


@pytest.mark.parametrize("penalty", [wgan_gp, dragan])
@pytest.mark.parametrize("norm", [0.0, 1.0, 3.0])
def test_a_linear_critic_pays_for_its_distance_from_norm_one(penalty, norm):
    critic = linear(WEIGHT * norm / jnp.sqrt(jnp.sum(WEIGHT**2)))
    np.testing.assert_allclose(penalty(critic, REAL, FAKE, KEY), (norm - 1) ** 2, atol=1e-5)


def test_wgan_gp_is_finite_with_its_gradient_where_the_critic_is_flat():
    gradient = jax.grad(lambda scale: wgan_gp(linear(WEIGHT * scale), REAL, FAKE, KEY))(0.0)
    assert jnp.isfinite(gradient)


def test_wgan_gp_looks_between_real_and_fake():
    zeros, ones = jnp.zeros((64, *SHAPE)), jnp.ones((64, *SHAPE))
    half_square = Critic(lambda images: jnp.sum(images**2, axis=(1, 2, 3)) / 2)
    shares = np.asarray(jax.random.uniform(KEY, (64,)))  # of the real image, zero here
    norms = (1 - shares) * np.sqrt(np.prod(SHAPE))
    wanted = np.mean((norms - 1) ** 2)
    np.testing.assert_allclose(wgan_gp(half_square, zeros, ones, KEY), wanted, rtol=1e-5)


def test_dragan_looks_near_the_real_images_and_never_at_the_fake():
    assert dragan(SQUARE, REAL, FAKE, KEY) == dragan(SQUARE, REAL, 100 * FAKE, KEY)
    flat = jnp.full_like(REAL, 2.0)  # without spread there is no noise
    norm = 2 * np.sqrt(np.prod(SHAPE))
    np.testing.assert_allclose(dragan(SQUARE, flat, FAKE, KEY), (norm - 1) ** 2, rtol=1e-5)


def test_dragan_is_of_images_with_uniform_noise_of_half_their_deviation():
    noise_key, share_key = jax.random.split(KEY)
    noise = jax.random.uniform(noise_key, REAL.shape) * REAL.std() / 2
    near = REAL + jax.random.uniform(share_key, (len(REAL), 1, 1, 1)) * noise
    norms = np.sqrt(np.sum(np.square(near), axis=(1, 2, 3)))
    np.testing.assert_allclose(dragan(SQUARE, REAL, FAKE, KEY), np.mean((norms - 1) ** 2), 1e-5)


def test_consistency_is_the_squared_difference_that_a_shift_makes():
    critic = linear(WEIGHT)
    wanted = jnp.mean((critic(REAL) - critic(translation(REAL, KEY))) ** 2)
    np.testing.assert_allclose(consistency(critic, REAL, FAKE, KEY), wanted, rtol=1e-5)


def test_consistency_is_zero_for_a_critic_that_a_shift_cannot_change():
    inside = REAL.at[:, :1].set(0).at[:, -1:].set(0).at[:, :, :1].set(0).at[:, :, -1:].set(0)
    blind = Critic(lambda images: jnp.sum(images, axis=(1, 2, 3)))
    np.testing.assert_allclose(consistency(blind, inside, FAKE, KEY), 0, atol=1e-9)
    assert consistency(linear(WEIGHT), inside, FAKE, KEY) > 0.01


def test_lecam_is_the_distance_to_the_other_sides_mean():
    critic = Critic(lambda images: images[:, 0, 0, 0], mean_real=5.0, mean_fake=-2.0)
    real, fake = jnp.full_like(REAL, 2.0), jnp.full_like(FAKE, 4.0)
    np.testing.assert_allclose(lecam(critic, real, fake, KEY), (2 + 2) ** 2 + (4 - 5) ** 2)


def test_the_penalties_of_gradients_are_those_that_a_config_takes_for_such():
    critic = linear(WEIGHT)

    def level(images):  # the logits of a constant, the gradient of `critic`
        return 2 + (critic(images) - jax.lax.stop_gradient(critic(images)))

    flat = Critic(lambda images: jnp.full(len(images), 2.0))
    values = {
        n: [PENALTIES[n](c, REAL, FAKE, KEY) for c in (Critic(level), flat)] for n in PENALTIES
    }
    of_gradients = [name for name, (sloped, level) in values.items() if sloped != level]
    assert of_gradients == [n for n, spec in choices.PENALTIES.items() if spec.of_gradients]


SMALL = dataclasses.replace(
    Config(),
    network=NetworkConfig(latent_size=5, gen_widths=(7,), disc_widths=(6,)),
    train=TrainConfig(batch_size=4),
)


def started(**changes):
    gan = build_gan(dataclasses.replace(SMALL, **changes), SHAPE)
    return gan, jax.jit(init_state, static_argnums=(0, 1))(gan, SHAPE, jax.random.key(0))


@pytest.fixture(scope="module")
def without():
    """The state after an update of D without penalties."""
    return d_update(*started(), BATCH, KEY)[0]


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_changes_ds_update_and_is_reported_without_its_weight(name, without):
    # By the schedule, so that one program serves both weights.
    doubled = ScheduleConfig(penalty=((0, 1.0), (4, 2.0)))
    gan, state = started(penalty=PenaltyConfig(**{name: 1.0}), schedule=doubled)
    reported = []
    for step in (0, 1):
        after, (metrics, *_) = d_update(gan, state.replace(step=jnp.int32(step)), BATCH, KEY)
        reported.append(metrics[f"disc/{name}"])
        assert jnp.isfinite(reported[-1])
        kernels = (p.disc.params["Linear_0"]["dense"]["kernel"] for p in (after, without))
        assert not jnp.array_equal(*kernels)
    assert reported[0] == reported[1]


def test_ds_gradient_is_that_of_the_loss_and_of_the_weighted_penalty_as_scheduled():
    schedule = ScheduleConfig(penalty=((0, 1.0), (16, 0.2)))
    gan, state = started(penalty=PenaltyConfig(r1=3.0), schedule=schedule)
    state = state.replace(step=2)  # after 8 images: 0.6 of the weight
    grads = d_update(gan, state, BATCH, KEY)[1].trace["disc_grads"]
    plain = dataclasses.replace(gan, penalties=())
    of_loss = d_update(plain, state, BATCH, KEY)[1].trace["disc_grads"]

    def penalty(params):
        disc = state.disc.replace(params=params)
        return r1(Critic(lambda x: forward(gan.disc, disc, x)[0]), REAL, FAKE, KEY)

    of_penalty = jax.grad(penalty)(state.disc.params)
    wanted = jax.tree.map(lambda loss, pay: loss + 0.6 * 3.0 * pay, of_loss, of_penalty)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), grads, wanted)
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), grads, of_loss)
    assert max(jax.tree.leaves(moved)) > 0.1


def test_penalties_of_every_third_step_count_three_times_there_and_not_at_all_between():
    always, state = started(penalty=PenaltyConfig(r1=1.0, r2=0.5))
    third = build_gan(
        dataclasses.replace(SMALL, penalty=PenaltyConfig(r1=1.0, r2=0.5, every=3)), SHAPE
    )
    without = dataclasses.replace(always, penalties=())
    for step, is_due in ((0, True), (1, False), (2, False), (3, True)):
        now = state.replace(step=jnp.int32(step))
        outputs = [d_update(gan, now, BATCH, KEY)[1] for gan in (third, always, without)]
        lazy, full, plain = (output.trace["disc_grads"] for output in outputs)
        wanted = jax.tree.map(lambda a, b, due=is_due: b + 3 * due * (a - b), full, plain)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), lazy, wanted
        )
        found, once = (output.metrics for output in outputs[:2])
        for name in ("disc/r1", "disc/r2"):
            np.testing.assert_allclose(found[name], 3 * is_due * once[name], rtol=1e-5)
        assert once["disc/r1"] > 0


def test_both_players_see_augmented_images_as_often_as_scheduled():
    augment = AugmentConfig(policy=("brightness",))
    schedule = ScheduleConfig(augment=((0, 0.0), (16, 1.0)))
    gan, state = started(augment=augment, schedule=schedule)
    unchanged = augment_and_pack(gan, state, REAL, FAKE, KEY)
    jax.tree.map(np.testing.assert_array_equal, unchanged, (REAL, FAKE))
    late = state.replace(step=4)
    for seen, images in zip(
        augment_and_pack(gan, late, REAL, FAKE, KEY), (REAL, FAKE), strict=True
    ):
        added = np.asarray(seen - images).reshape(len(images), -1)
        assert np.abs(added).min(axis=1).max() > 0.01
        np.testing.assert_allclose(added.std(axis=1), 0, atol=1e-6)
    to_gen = jax.grad(lambda fake: jnp.sum(augment_and_pack(gan, late, REAL, fake, KEY)[1]))(FAKE)
    np.testing.assert_array_equal(to_gen, jnp.ones_like(FAKE))
    for update, name in ((d_update, "disc/logit_real"), (g_update, "gen/loss")):
        (_, (plain, *_)), (_, (augmented, *_)) = (update(gan, s, BATCH, KEY) for s in (state, late))
        assert plain[name] != augmented[name]


def test_the_penaltys_forward_pass_is_that_of_the_loss():
    def products(**weights):
        gan, state = started(penalty=PenaltyConfig(**weights))
        lowered = jax.jit(d_update, static_argnums=0).lower(gan, state, BATCH, KEY)
        return lowered.compile().as_text().count(" dot(")

    # R1 of two layers: the input gradient, and of it the gradients of two weights, no forward.
    assert products(r1=1.0, r2=1.0) - products(r1=1.0) <= 4


def test_lecam_keeps_running_means_of_both_sides_from_the_first_update_on():
    gan, state = started(penalty=PenaltyConfig(lecam=0.1))
    first, (of_first, *_) = d_update(gan, state, BATCH, KEY)
    second, (of_second, *_) = d_update(gan, first, BATCH, KEY)
    for side in ("real", "fake"):
        means = [after.disc.stats[D_RUNNING_STATS][f"mean_{side}"] for after in (first, second)]
        one, other = (metrics[f"disc/logit_{side}"] for metrics in (of_first, of_second))
        np.testing.assert_allclose(means[0], one, rtol=1e-5)
        wanted = LECAM_DECAY * one + (1 - LECAM_DECAY) * other
        np.testing.assert_allclose(means[1], wanted, rtol=1e-5)
        assert one != other


def test_a_schedule_scales_every_penalty_by_images_seen():
    schedule = ScheduleConfig(penalty=((0, 1.0), (16, 0.2)))
    gan, state = started(penalty=PenaltyConfig(r1=1.0), schedule=schedule)
    factors = [float(penalty_factor(gan, state.replace(step=step))) for step in (0, 2, 4, 9)]
    np.testing.assert_allclose(factors, [1.0, 0.6, 0.2, 0.2], rtol=1e-6)


def test_packing_puts_neighbours_into_the_channels_of_one_image():
    images = pack(REAL, 2)
    assert images.shape == (2, 8, 6, 4)
    np.testing.assert_array_equal(images[1, ..., :2], REAL[2])
    np.testing.assert_array_equal(images[1, ..., 2:], REAL[3])


def test_a_packed_discriminator_gives_one_logit_per_pack():
    gan, state = started(packing=2)
    assert state.disc.params["Linear_0"]["dense"]["kernel"].shape[0] == 2 * np.prod(SHAPE)
    after, (metrics, *_) = train_step(gan, state, BATCH, KEY)
    assert all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(after.gen.params))
    assert jnp.isfinite(metrics["gen/loss"])


@pytest.mark.parametrize("loss", ["relativistic", "relativistic_average", "wasserstein"])
@pytest.mark.parametrize("level", [-100.0, 100.0])
def test_where_differences_count_the_adapted_probability_goes_by_those(loss, level):
    augment = AugmentConfig(policy=("contrast",), target=0.5, adapt_images=40)
    network = dataclasses.replace(SMALL.network, disc_widths=())
    gan, state = started(augment=augment, loss=loss, network=network)
    layer = state.disc.params["Linear_0"]["dense"]
    for brighter, wanted in ((1.0, 4 / 40), (-1.0, 0.0)):  # all real images than all generated
        params = {"kernel": jnp.ones_like(layer["kernel"]), "bias": jnp.full(1, level)}
        disc = state.disc.replace(params={"Linear_0": {"dense": params}})
        after, _ = d_update(
            gan, state.replace(disc=disc), Batch(jnp.full_like(REAL, brighter)), KEY
        )
        np.testing.assert_allclose(
            after.disc.stats[D_RUNNING_STATS]["probability"], wanted, rtol=1e-6
        )


@pytest.mark.parametrize(
    ("ample", "examples", "start"),
    [
        (0, 100, 0.0),
        (1000, 0, 0.0),  # a generator that is only sampled does not know the number
        (1000, 1000, 0.0),
        (1000, 5000, 0.0),
        (1000, 100, 0.25),
        (100_000, 1000, 0.5),
        (100_000, 1, 1.0),
    ],
)
def test_ada_starts_at_a_probability_that_the_number_of_images_gives(ample, examples, start):
    augment = AugmentConfig(policy=("contrast",), target=0.5, ample_images=ample)
    gan = build_gan(dataclasses.replace(SMALL, augment=augment), SHAPE, examples=examples)
    running = init_state(gan, SHAPE, KEY).disc.stats[D_RUNNING_STATS]
    np.testing.assert_allclose(running["probability"], start, rtol=1e-6)


def test_the_adapted_probability_rises_while_d_is_sure_of_real_images_and_falls_when_not():
    augment = AugmentConfig(policy=("contrast",), target=0.5, adapt_images=40)
    gan, state = started(augment=augment)
    bias = state.disc.params["Linear_1"]["dense"]["bias"]

    def after_bias(value, state):
        params = jax.tree.map(lambda leaf: leaf, state.disc.params)
        params["Linear_1"]["dense"]["bias"] = jnp.full_like(bias, value)
        state = state.replace(disc=state.disc.replace(params=params))
        return d_update(gan, state, BATCH, KEY)[0]

    state = after_bias(100.0, after_bias(100.0, state))
    np.testing.assert_allclose(
        state.disc.stats[D_RUNNING_STATS]["probability"], 2 * 4 / 40, rtol=1e-6
    )
    state = after_bias(-100.0, state)
    np.testing.assert_allclose(state.disc.stats[D_RUNNING_STATS]["probability"], 4 / 40, rtol=1e-6)
