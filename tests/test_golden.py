"""The same mathematics as PyTorch: its losses and parameters, replayed through `train_step`."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config
from jaxgan.gan import steps
from jaxgan.gan.state import build_gan, init_state
from jaxgan.types import Batch
from tests.golden import inputs

GOLDEN = Path(__file__).parent / "golden"


def replay(monkeypatch, size, count):
    """Losses (count, 2) and the final state of `train_step` on the golden inputs."""
    network = NetworkConfig(
        latent_size=size.gen[0], gen_widths=size.gen[1:-1], disc_widths=size.disc[1:-1]
    )
    gan = build_gan(dataclasses.replace(Config(), network=network), size.image_shape)
    state = jax.jit(init_state, static_argnums=(0, 1))(gan, size.image_shape, jax.random.key(0))
    dtype = jnp.zeros(()).dtype

    @jax.jit
    def step(state, real, z):
        monkeypatch.setattr(steps, "update_latents", lambda gan, count, key: z)
        return steps.train_step(gan, state, Batch(real), jax.random.key(0))

    state = state.replace(
        gen=with_weights(state.gen, gan.gen_tx, inputs.weights(size.gen, 1), dtype),
        disc=with_weights(state.disc, gan.disc_tx, inputs.weights(size.disc, 2), dtype),
    )
    losses = []
    z, batches = inputs.latents_and_batches(size)
    for i in range(count):
        real = jnp.asarray(batches[i].reshape(-1, *size.image_shape), dtype)
        state, output = step(state, real, jnp.asarray(z[i], dtype))
        losses.append(tuple(float(output.metrics[name]) for name in ("disc/loss", "gen/loss")))
    return np.array(losses), state


def with_weights(player, tx, layers, dtype):
    params = {
        f"Linear_{i}": {"dense": {"kernel": jnp.asarray(w, dtype), "bias": jnp.asarray(b, dtype)}}
        for i, (w, b) in enumerate(layers)
    }
    assert jax.tree.structure(params) == jax.tree.structure(player.params)
    return player.replace(params=params, opt_state=tx.init(params))


@pytest.mark.parametrize("name", ["small", pytest.param("classic", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("float64")
def test_float64_agrees_with_pytorch_to_1e_9_after_100_steps(name, monkeypatch):
    size, golden = inputs.SIZES[name], np.load(GOLDEN / f"{name}.npz")
    losses, state = replay(monkeypatch, size, inputs.STEPS)
    np.testing.assert_allclose(losses, golden["losses64"], rtol=0, atol=1e-9)
    for player in ("gen", "disc"):
        params = getattr(state, player).params
        for i in range(len(params)):
            for leaf, value in params[f"Linear_{i}"]["dense"].items():
                wanted = golden[f"{player}.{i}.{leaf}"]
                seen = np.asarray(value)
                if name == "classic":
                    seen = seen.reshape(-1)[::997]
                np.testing.assert_allclose(seen, wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", inputs.SIZES)
def test_float32_losses_agree_with_pytorch_to_1e_5_over_20_steps(name, monkeypatch):
    golden = np.load(GOLDEN / f"{name}.npz")["losses32"][:20]
    losses, _ = replay(monkeypatch, inputs.SIZES[name], 20)
    np.testing.assert_allclose(losses, golden, rtol=1e-5)


def test_the_golden_losses_are_of_a_game_that_moves():
    losses = np.load(GOLDEN / "classic.npz")["losses64"]
    assert np.ptp(losses[:, 0]) > 0.5
    assert np.ptp(losses[:, 1]) > 0.5
