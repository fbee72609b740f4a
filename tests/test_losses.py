import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config import choices
from jaxgan.gan.losses import LOSSES, smooth_labels

WITH_TARGETS = [name for name, spec in choices.LOSSES.items() if spec.has_targets]
REAL, FAKE = jnp.array([0.3, -1.2, 2.0]), jnp.array([-0.7, 0.4, 1.1])


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_a_finite_scalar_with_gradients_for_both_players(name):
    loss = LOSSES[name]
    disc, (d_real, d_fake) = jax.value_and_grad(loss.disc, (0, 1))(REAL, FAKE)
    gen, g_fake = jax.value_and_grad(loss.gen, 1)(REAL, FAKE)
    assert disc.shape == gen.shape == ()
    assert jnp.sum(d_real) < 0 < jnp.sum(d_fake)  # D parts the logits of real and generated images
    assert jnp.sum(g_fake) < 0  # G raises those of its own


@pytest.mark.parametrize("name", ["non_saturating", "saturating"])
def test_cross_entropy_at_logit_zero_is_two_log_two(name):
    np.testing.assert_allclose(LOSSES[name].disc(jnp.zeros(4), jnp.zeros(4)), 2 * np.log(2), 1e-6)


def test_cross_entropy_is_minus_the_log_of_probabilities():
    loss = LOSSES["non_saturating"]
    d_real, d_fake = jax.nn.sigmoid(REAL), jax.nn.sigmoid(FAKE)
    wanted = -jnp.log(d_real).mean() - jnp.log(1 - d_fake).mean()
    np.testing.assert_allclose(loss.disc(REAL, FAKE), wanted, rtol=1e-6)
    np.testing.assert_allclose(loss.gen(REAL, FAKE), -jnp.log(d_fake).mean(), rtol=1e-6)
    saturating = LOSSES["saturating"].gen(REAL, FAKE)
    np.testing.assert_allclose(saturating, jnp.log(1 - d_fake).mean(), rtol=1e-6)


def test_losses_stay_finite_where_probabilities_round_to_zero():
    huge = jnp.array([500.0])
    for loss in LOSSES.values():
        assert jnp.isfinite(loss.disc(-huge, huge))
        assert jnp.isfinite(loss.gen(huge, -huge))


def test_only_the_saturating_generator_loses_its_gradient_when_d_is_sure():
    sure = jnp.array([-30.0])
    gradient = {name: jax.grad(LOSSES[name].gen, 1)(-sure, sure)[0] for name in LOSSES}
    assert all((abs(gradient[name]) < 1e-12) == (name == "saturating") for name in LOSSES)
    np.testing.assert_allclose(gradient["non_saturating"], -1, rtol=1e-6)


def test_least_squares_is_the_distance_to_targets_one_and_zero():
    loss = LOSSES["least_squares"]
    np.testing.assert_allclose(loss.disc(jnp.array([1.0, 3.0]), jnp.array([0.0, 2.0])), 2)
    np.testing.assert_allclose(loss.gen(REAL[:2], jnp.array([1.0, -1.0])), 1)


def test_hinge_asks_no_more_than_a_margin_of_one():
    real, fake = jnp.array([1.0, 5.0]), jnp.array([-1.0, -7.0])
    assert LOSSES["hinge"].disc(real, fake) == 0
    np.testing.assert_allclose(LOSSES["hinge"].disc(real - 2, fake + 3), (2 + 0) / 2 + 3 / 2)


def test_wasserstein_is_the_difference_of_means():
    np.testing.assert_allclose(LOSSES["wasserstein"].disc(REAL, FAKE), FAKE.mean() - REAL.mean())


@pytest.mark.parametrize("name", ["hinge", "wasserstein"])
def test_the_generator_of_hinge_and_wasserstein_raises_its_mean_logit(name):
    np.testing.assert_allclose(LOSSES[name].gen(REAL, FAKE), -FAKE.mean())


def test_relativistic_pairing_is_cross_entropy_of_differences():
    loss = LOSSES["relativistic"]
    wanted = -jnp.log(jax.nn.sigmoid(REAL - FAKE)).mean()
    np.testing.assert_allclose(loss.disc(REAL, FAKE), wanted, rtol=1e-6)
    np.testing.assert_allclose(loss.gen(REAL, FAKE), loss.disc(FAKE, REAL))


@pytest.mark.parametrize("name", ["relativistic", "relativistic_average", "wasserstein"])
def test_only_differences_count(name):
    loss = LOSSES[name]
    np.testing.assert_allclose(loss.disc(REAL + 3, FAKE + 3), loss.disc(REAL, FAKE), rtol=1e-5)


def test_relativistic_average_is_cross_entropy_against_the_mean_of_the_other_side():
    loss = LOSSES["relativistic_average"]
    d_real, d_fake = jax.nn.sigmoid(REAL - FAKE.mean()), jax.nn.sigmoid(FAKE - REAL.mean())
    disc = -jnp.log(d_real).mean() - jnp.log(1 - d_fake).mean()
    gen = -jnp.log(d_fake).mean() - jnp.log(1 - d_real).mean()
    np.testing.assert_allclose(loss.disc(REAL, FAKE), disc, rtol=1e-6)
    np.testing.assert_allclose(loss.gen(REAL, FAKE), gen, rtol=1e-6)


def test_a_real_image_is_judged_against_what_its_loss_compares_it_with():
    for name in ("non_saturating", "saturating", "hinge"):
        np.testing.assert_array_equal(LOSSES[name].real_margin(REAL, FAKE), REAL)
    np.testing.assert_allclose(LOSSES["least_squares"].real_margin(REAL, FAKE), REAL - 0.5)
    np.testing.assert_allclose(LOSSES["relativistic"].real_margin(REAL, FAKE), REAL - FAKE)
    for name in ("wasserstein", "relativistic_average"):
        np.testing.assert_allclose(LOSSES[name].real_margin(REAL, FAKE), REAL - FAKE.mean())


@pytest.mark.parametrize("name", WITH_TARGETS)
def test_smoothing_moves_the_target_of_real_images(name):
    loss = smooth_labels(LOSSES[name], 0.1)
    gradient = jax.grad(lambda logit: loss.disc(jnp.array([logit]), FAKE[:1]))
    best = 0.9 if name == "least_squares" else np.log(9)  # sigmoid(log 9) = 0.9
    np.testing.assert_allclose(gradient(best), 0, atol=1e-6)
    assert gradient(best - 1) < 0 < gradient(best + 1)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("name", WITH_TARGETS)
def test_the_real_margin_is_zero_where_real_and_generated_are_as_likely(name, smoothing):
    loss = smooth_labels(LOSSES[name], smoothing)
    gradient = jax.grad(lambda logit: loss.disc(logit[None], logit[None]))
    neutral = -loss.real_margin(jnp.zeros(1), FAKE[:1])[0]
    np.testing.assert_allclose(gradient(neutral), 0, atol=1e-6)
    assert loss.real_margin(neutral[None] + 0.1, FAKE[:1])[0] > 0
