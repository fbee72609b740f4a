import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import LOSSES

REAL, FAKE = jnp.array([0.3, -1.2, 2.0]), jnp.array([-0.7, 0.4, 1.1])


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_a_finite_scalar_with_gradients_for_both_players(name):
    loss = LOSSES[name]
    disc, (d_real, d_fake) = jax.value_and_grad(loss.disc, (0, 1))(REAL, FAKE)
    gen, g_fake = jax.value_and_grad(loss.gen, 1)(REAL, FAKE)
    assert disc.shape == gen.shape == ()
    assert jnp.all(d_real < 0)  # D raises the logits of real images
    assert jnp.all(d_fake > 0)  # and lowers those of generated ones,
    assert jnp.all(g_fake < 0)  # which G raises


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
    gradient = {name: jax.grad(LOSSES[name].gen, 1)(sure, sure)[0] for name in LOSSES}
    assert abs(gradient["saturating"]) < 1e-12
    np.testing.assert_allclose(gradient["non_saturating"], -1, rtol=1e-6)
