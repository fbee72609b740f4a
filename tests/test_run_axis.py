"""Seeds in one program: their losses are those of runs alone."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, TrainConfig
from jaxgan.data import epoch_order
from jaxgan.gan import steps as steps_module
from jaxgan.gan.state import build_gan, init_state
from jaxgan.gan.steps import train_epoch, train_stacked_epoch
from jaxgan.parallel import run_axis

NETWORKS = {
    "mlp": ((6, 6, 1), NetworkConfig(latent_size=10, gen_widths=(25, 51), disc_widths=(51, 25))),
    "dcgan": ((28, 28, 1), NetworkConfig("dcgan", latent_size=5, gen_channels=2, disc_channels=2)),
}
QUICK_FIRST = [
    pytest.param(name, marks=[pytest.mark.slow] if name != "mlp" else []) for name in NETWORKS
]


def losses_alone_and_together(name, steps, dtype):
    """(seeds, steps, 2) losses of three runs, each alone and all in one program."""
    shape, network = NETWORKS[name]
    config = dataclasses.replace(Config(), network=network, train=TrainConfig(batch_size=8))
    gan = build_gan(config, shape)
    pixels = jax.random.randint(jax.random.key(9), (8 * steps, *shape), 0, 256).astype(jnp.uint8)

    def fresh(seed):
        def cast(leaf):
            return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

        return jax.tree.map(cast, init_state(gan, shape, jax.random.key(seed)))

    orders = [epoch_order(fresh(seed).key, 0, len(pixels), 8) for seed in range(3)]
    alone = [train_epoch(gan, fresh(seed), pixels, orders[seed])[1] for seed in range(3)]
    states = run_axis.stack_runs(None, [fresh(seed) for seed in range(3)])
    states, output = train_stacked_epoch(gan, states, pixels, jnp.stack(orders))
    assert states.step.tolist() == [steps] * 3
    joint = list(run_axis.unstack_runs(output, 3))
    for ours, theirs in zip(joint, alone, strict=True):
        for mark in ("batch", "latents"):
            np.testing.assert_array_equal(ours.checksums[mark], theirs.checksums[mark])
    names = ("disc/loss", "gen/loss")
    return [
        np.array([[np.asarray(part.metrics[name], np.float64) for name in names] for part in found])
        for found in (alone, joint)
    ]


@pytest.mark.parametrize("name", QUICK_FIRST)
def test_together_losses_are_those_of_runs_alone_to_1e_5_over_10_steps(name):
    alone, joint = losses_alone_and_together(name, 10, jnp.float32)
    np.testing.assert_allclose(joint, alone, rtol=0, atol=1e-5)
    assert np.ptp(alone, axis=0).min() > 1e-4  # seeds differ


@pytest.mark.parametrize("name", QUICK_FIRST)
@pytest.mark.usefixtures("float64")
def test_together_losses_are_those_of_runs_alone_to_1e_9_over_100_steps_of_float64(
    name, monkeypatch
):
    monkeypatch.setattr(steps_module, "to_images", lambda p: p.astype(jnp.float64) / 127.5 - 1)
    alone, joint = losses_alone_and_together(name, 100, jnp.float64)
    np.testing.assert_allclose(joint, alone, rtol=0, atol=1e-9)
