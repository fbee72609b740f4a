"""PyTorch's networks and steps in the bench are ours, where PyTorch is installed: CI does without.

pip install torch && python -m pytest -n 0 tests/test_bench_pytorch.py
"""

import dataclasses
import warnings

import jax
import numpy as np
import pytest

from jaxgan.bench import ours
from jaxgan.bench.timing import time_in_turn
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import AdamConfig, Config, OptimizerConfig, PenaltyConfig, TrainConfig
from jaxgan.gan.state import build_gan, init_state
from jaxgan.gan.steps import trace_epoch
from jaxgan.types import to_images

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    from jaxgan.bench import pytorch

STEPS, BATCH, SHAPE = 10, 16, (16, 16, 1)
RELATIVISTIC = {"loss": "relativistic", "penalty": PenaltyConfig(r1=0.2, r2=0.3)}
CHANNELS = {"latent_size": 10, "gen_channels": 8, "disc_channels": 8}
WIDTHS = {"gen_widths": (16,), "disc_widths": (12,)}


def config(network, **settings):
    adam = AdamConfig(learning_rate=5e-4, b1=0.5, b2=0.99)
    return dataclasses.replace(
        Config(),
        network=network,
        train=TrainConfig(batch_size=BATCH),
        optimizer=OptimizerConfig(gen=adam, disc=adam),
        **settings,
    )


CONFIGS = {
    "mlp": config(NetworkConfig(latent_size=10, **WIDTHS)),
    "dcgan": config(NetworkConfig(name="dcgan", **CHANNELS)),
    "infogan": config(
        NetworkConfig(name="infogan", disc_norm="none", **CHANNELS, **WIDTHS), **RELATIVISTIC
    ),
    "r3gan": config(
        NetworkConfig(name="r3gan", latent_size=10, gen_channels=16, disc_channels=16, blocks=1),
        **RELATIVISTIC,
    ),
}


def our_losses(config, pixels, order):
    """Returns the first state, losses (steps, 2), and the latents of each step."""
    gan = build_gan(config, SHAPE)
    state = init_state(gan, SHAPE, jax.random.key(1))
    _, output = trace_epoch(gan, state, jax.numpy.asarray(pixels), order)
    metrics, penalty = output.metrics, config.penalty
    # PyTorch's step returns the sum.
    disc = metrics["disc/loss"]
    for name in ("r1", "r2"):
        if weight := getattr(penalty, name):
            disc = disc + weight * metrics[f"disc/{name}"]
    return state, np.stack([disc, metrics["gen/loss"]], 1), output.trace["latents"][:, 0]


@pytest.mark.parametrize("name", CONFIGS)
def test_ten_steps_have_the_losses_of_pytorch(name):
    config = CONFIGS[name]
    pixels = np.random.RandomState(0).randint(0, 256, (64, *SHAPE)).astype(np.uint8)
    order = ours.orders(jax.random.key(2), len(pixels), BATCH, STEPS)
    state, expected, latents = our_losses(config, pixels, order)
    players = pytorch.make_players(config, state, SHAPE, "cpu", fused=False)
    found = []
    for row, z in zip(order, latents, strict=True):
        real = np.asarray(to_images(jax.numpy.asarray(pixels[np.asarray(row)])))
        real, z = (torch.from_numpy(np.array(x)) for x in (real.transpose(0, 3, 1, 2), z))
        losses = pytorch.train_step(config, players, real, z)
        found.append([loss.item() for loss in losses])
    # Adam divides by the size of the gradients, so that their rounding grows from step to step.
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert np.ptp(expected[:, 0]) > 0.01  # the weights do move


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_each_way_that_needs_no_compiler_trains(name):
    ways = pytorch.variants(CONFIGS[name], SHAPE, 2, "cpu")
    assert {"dataloader", "eager", "fused", "compile"} <= set(ways)
    assert ("channels_last" in ways) == (name == "dcgan")
    assert "graphs" not in ways  # which are CUDA's
    del ways["compile"]
    found = time_in_turn(ways, rounds=1)
    assert found.left_out == {}
    assert all(min(seconds) > 0 for seconds in found.rounds.values())
