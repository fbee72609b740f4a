"""What `bench` compares is the same on both sides."""

import dataclasses

import jax
import pytest

from jaxgan.cli import bench, bench_pytorch
from jaxgan.config.schema import Config
from jaxgan.gan.state import build_gan, init_state

SHAPE = (28, 28, 1)


def of_network(name):
    config = Config()
    return dataclasses.replace(config, network=dataclasses.replace(config.network, name=name))


def test_the_matrix_products_of_a_step_are_counted():
    config = of_network("mlp")
    gen = 100 * 256 + 256 * 512 + 512 * 784
    disc = 784 * 512 + 512 * 256 + 256
    multiplied = 3 * gen - 100 * 256 + 8 * disc - 2 * 784 * 512
    assert bench.classic_flops(config) == 2 * 64 * multiplied


@pytest.mark.parametrize("name", bench_pytorch.NETWORKS)
def test_pytorch_has_networks_of_the_same_sizes(name):  # where it is installed: CI does without
    torch = pytest.importorskip("torch")
    config = of_network(name)
    state = init_state(build_gan(config, SHAPE), SHAPE, jax.random.key(0))
    theirs = bench_pytorch.NETWORKS[name](torch.nn, config, SHAPE)
    for player, net in zip((state.gen, state.disc), theirs, strict=True):
        ours = sorted(leaf.size for leaf in jax.tree.leaves(player.params))
        assert ours == sorted(weights.numel() for weights in net.parameters())
    fake = theirs[0](torch.zeros(3, config.network.latent_size))
    assert fake.shape == (3, 1, 28, 28)
    assert theirs[1](fake).shape == (3, 1)
    bench_pytorch.step_runner(torch, config, SHAPE, "cpu")(1)
