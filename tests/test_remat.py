"""Gradients that compute activations again: the same ones, of which less was kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.files import from_mapping
from jaxgan.gan.state import build_gan, init_state
from jaxgan.networks.mixed_precision import Network
from tests.devices import CLASSES, CONFIGS, SHAPE

DEEP = {  # of several blocks, with their images
    "r3gan": ({"blocks": 3, "gen_channels": 16, "disc_channels": 16}, (32, 32, 3)),
    "sngan": ({"gen_channels": 16, "disc_channels": 16}, (64, 64, 3)),
}
SMALL = {
    "sngan": {**CONFIGS["spectral norm, labels"]["network"]},
    "r3gan": {**CONFIGS["r3gan"]["network"], "blocks": 1},
}


def players(shape, **settings):
    """Of each player its network, its variables' shapes and that of an input."""
    classes = CLASSES if settings.get("conditional") else 0
    gan = build_gan(from_mapping({"network": settings}), shape, classes)
    state = jax.eval_shape(lambda: init_state(gan, shape, jax.random.key(0)))
    for network, player, example in (
        (gan.gen, state.gen, (gan.latent_size,)),
        (gan.disc, state.disc, shape),
    ):
        yield network, {"params": player.params, **player.stats}, example


def passed(network: Network, variables, params, *inputs):
    """(outputs, new variables) in training."""
    stats = [name for name in variables if name != "params"]
    first, *labels = inputs
    return network.apply({**variables, "params": params}, first, True, *labels, mutable=stats)


def bytes_kept(network: Network, variables, example) -> int:
    """Of what lies between a pass forwards of 64 inputs and the one backwards."""

    def forwards(variables, inputs):
        return jax.vjp(lambda p: passed(network, variables, p, inputs)[0], variables["params"])[1]

    inputs = jax.ShapeDtypeStruct((64, *example), jnp.float32)
    kept = jax.eval_shape(forwards, variables, inputs)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(kept))


@pytest.mark.parametrize("name", DEEP)
def test_gradients_of_either_player_keep_less_than_half(name):
    settings, shape = DEEP[name]
    usual, less = (
        list(players(shape, name=name, remat=remat, **settings)) for remat in (False, True)
    )
    for player, frugal in zip(usual, less, strict=True):
        assert bytes_kept(*frugal) < bytes_kept(*player) / 2


def test_a_run_starts_with_the_same_bits():
    config = {"name": "sngan", "gen_channels": 2, "disc_channels": 2}
    options = {"xla_backend_optimization_level": 0}  # most of the time is compilation
    gans = [
        build_gan(from_mapping({"network": config | {"remat": r}}), SHAPE) for r in (False, True)
    ]
    states = (
        jax.jit(lambda key, gan=gan: init_state(gan, SHAPE, key), compiler_options=options)(
            jax.random.key(0)
        )
        for gan in gans
    )
    jax.tree.map(np.testing.assert_array_equal, *(state.replace(key=0) for state in states))


@pytest.mark.parametrize("name", ["sngan", pytest.param("r3gan", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("float64")
def test_gradients_are_the_same_to_rounding_with_those_of_gradients(name):
    usual, less = (list(players(SHAPE, **SMALL[name], remat=remat)) for remat in (False, True))
    for (network, shapes, example), (frugal, *_) in zip(usual, less, strict=True):
        random = np.random.RandomState(0)
        fill = lambda leaf: random.uniform(0.1, 0.5, leaf.shape)  # noqa: E731, B023
        variables = jax.tree.map(fill, shapes)
        inputs = (jnp.asarray(random.standard_normal((3, *example))),)
        if SMALL[name].get("conditional"):
            inputs += (jnp.arange(3) % CLASSES,)
        found = (gradients(net, variables, *inputs) for net in (network, frugal))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=0), *found)


def gradients(network, variables, inputs, *labels):
    """Of a loss by the parameters, and the new variables; with R1 where the outputs are logits."""

    def loss(params):
        found, updated = passed(network, variables, params, inputs, *labels)
        total = jnp.mean(jnp.sin(found))
        if found.ndim == 1:
            logits = lambda x: passed(network, variables, params, x, *labels)[0]  # noqa: E731
            total += jnp.mean(jax.grad(lambda x: jnp.sum(logits(x)))(inputs) ** 2)
        return total, updated

    options = {"xla_backend_optimization_level": 0}
    return jax.jit(jax.grad(loss, has_aux=True), compiler_options=options)(variables["params"])
