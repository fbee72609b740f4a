"""The programs of a start that are compiled with less work, and what they must not change."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.schema import Config, NetworkConfig
from jaxgan.data import epoch_orders, shuffle
from jaxgan.gan import state
from jaxgan.gan.state import build_gan, init_state, init_state_quickly
from jaxgan.parallel.quick_compile import QUICK_COMPILE
from tests.test_networks import SIZES

KEY = jax.random.key(3)
SHAPE = (28, 28, 1)
# The tests compile with less work than a user does, so that the user's options are given here.
USUAL = {"xla_backend_optimization_level": 3}
if "xla_cpu_use_fusion_emitters" in QUICK_COMPILE:
    USUAL["xla_cpu_use_fusion_emitters"] = True
usual_state = jax.jit(init_state, static_argnums=(0, 1), compiler_options=USUAL)


def gan_of(name, **settings):
    network = NetworkConfig(name=name, latent_size=6, **{**SIZES[name], **settings})
    return build_gan(Config(network=network), SHAPE)


def bits(tree):
    typed = functools.partial(jnp.issubdtype, arg2=jax.dtypes.prng_key)
    leaves = [
        jax.random.key_data(leaf) if typed(leaf.dtype) else leaf for leaf in jax.tree.leaves(tree)
    ]
    return [np.asarray(leaf).tobytes() for leaf in leaves]


@pytest.mark.parametrize("name", ["mlp", "dcgan", "infogan", "r3gan"])
def test_a_first_state_that_is_compiled_quickly_has_the_same_bits(name):
    gan = gan_of(name)
    assert bits(init_state_quickly(gan, SHAPE, KEY)) == bits(usual_state(gan, SHAPE, KEY))


@pytest.fixture
def refused(monkeypatch):
    """Makes a state that is compiled quickly an error."""

    def refuse(*arguments):
        raise AssertionError("compiled quickly")

    monkeypatch.setattr(state, "_init_state_quickly", refuse)


@pytest.mark.parametrize("name", ["mlp", "dcgan", "infogan", "r3gan"])
def test_draws_are_compiled_quickly(name, refused):
    with pytest.raises(AssertionError, match="compiled quickly"):
        init_state_quickly(gan_of(name), SHAPE, KEY)


def test_singular_vectors_are_compiled_as_usual(refused):
    for name, settings in (("sngan", {}), ("dcgan", {"disc_norm": "spectral"})):
        assert "spectral" in init_state_quickly(gan_of(name, **settings), SHAPE, KEY).disc.stats


def test_only_a_cpu_compiles_quickly(monkeypatch, refused):
    gan = gan_of("mlp", gen_widths=(7,))
    # Not what is compiled, only what is asked for: the program is still one for a CPU.
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert int(init_state_quickly(gan, SHAPE, KEY).step) == 0


def test_an_order_that_is_compiled_quickly_is_the_same():
    usual = jax.jit(shuffle._order, static_argnums=(2, 3), compiler_options=USUAL)
    for size, batch_size in ((60_000, 64), (100, 7)):
        orders = epoch_orders(KEY, range(2, 3), size, batch_size)
        np.testing.assert_array_equal(orders, usual(KEY, 2, size, batch_size))
