import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.config.files import from_mapping
from jaxgan.config.schema import AdamConfig, ScheduleConfig
from jaxgan.gan.optimizers import make_optimizer
from jaxgan.gan.state import build_gan

PARAMS = {"w": jnp.array([0.5, -2.0])}
GRADS = {"w": jnp.array([3.0, 4.0])}


def steps(tx, count):
    params, state = PARAMS, tx.init(PARAMS)
    sizes = []
    for _ in range(count):
        updates, state = tx.update(GRADS, state, params)
        params = optax.apply_updates(params, updates)
        sizes.append(float(jnp.abs(updates["w"][0])))
    return params, sizes


def test_without_options_it_is_adam():
    config = AdamConfig(learning_rate=0.1)
    plain, _ = steps(optax.adam(0.1, 0.9, 0.999, 1e-8), 3)
    np.testing.assert_array_equal(
        steps(make_optimizer(config, ScheduleConfig(), 4), 3)[0]["w"], plain["w"]
    )


def test_a_learning_rate_follows_the_images_of_its_own_updates():
    schedule = ScheduleConfig(learning_rate=((0, 1.0), (8, 0.0)))
    _, sizes = steps(make_optimizer(AdamConfig(learning_rate=0.1), schedule, 4), 3)
    np.testing.assert_allclose(sizes, [0.1, 0.05, 0.0], rtol=1e-4)  # equal gradients: steps of lr


@pytest.mark.parametrize(("beta", "other"), [("b1", "b2"), ("b2", "b1")])
def test_betas_follow_their_schedule(beta, other):
    config = AdamConfig(b1=0.3, b2=0.4)
    tx = make_optimizer(config, ScheduleConfig(**{beta: ((0, 0.5), (4, 0.9))}), 4)
    state = tx.init(PARAMS)
    for wanted in (0.5, 0.9, 0.9):
        _, state = tx.update(GRADS, state, PARAMS)
        np.testing.assert_allclose(state.hyperparams[beta], wanted, rtol=1e-6)
        np.testing.assert_allclose(state.hyperparams[other], getattr(config, other), rtol=1e-6)


def test_each_players_schedule_counts_the_real_images_of_its_own_updates():
    config = from_mapping(
        {
            "train": {"batch_size": 8, "d_steps": 2},
            "schedule": {"learning_rate": ((0, 1.0), (32, 0.0))},
            "optimizer": {"gen": {"learning_rate": 0.1}, "disc": {"learning_rate": 0.1}},
        }
    )
    gan = build_gan(config, (4, 4, 1))
    _, of_gen = steps(gan.gen_tx, 2)
    _, of_disc = steps(gan.disc_tx, 2)
    np.testing.assert_allclose(of_gen, [0.1, 0.05], rtol=1e-4)
    np.testing.assert_allclose(of_disc, [0.1, 0.075], rtol=1e-4)


def test_clipping_the_gradient_is_by_its_whole_norm():
    tx = make_optimizer(AdamConfig(b1=0.0, b2=0.0, eps=1e6, clip_norm=1.0), ScheduleConfig(), 4)
    updates, _ = tx.update(GRADS, tx.init(PARAMS), PARAMS)
    # With so large an epsilon a step is lr * gradient / eps: the norm of 5 was cut to 1.
    np.testing.assert_allclose(np.linalg.norm(updates["w"]), 2e-4 / 1e6, rtol=1e-3)


def test_clipped_weights_stay_within_their_bound():
    params, _ = steps(make_optimizer(AdamConfig(clip_weights=0.01), ScheduleConfig(), 4), 1)
    np.testing.assert_allclose(params["w"], [0.01, -0.01], rtol=1e-5)
