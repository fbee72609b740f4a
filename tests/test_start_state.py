import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.schema import Config, NetworkConfig
from jaxgan.gan import state as module
from jaxgan.gan.state import build_gan, init_state, start_state
from jaxgan.networks.layers import has_spectral_norm
from jaxgan.parallel.quick_compile import QUICK_COMPILE
from tests.test_networks import SIZES, small

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
    assert bits(start_state(gan, SHAPE, KEY)) == bits(usual_state(gan, SHAPE, KEY))


def test_sums_of_products_in_the_first_state_are_compiled_as_usual(monkeypatch):
    for name, settings in (("sngan", {}), ("dcgan", {"disc_norm": "spectral"})):
        assert has_spectral_norm(small(name, **settings)[1])
    for name in ("mlp", "dcgan", "infogan", "r3gan"):
        assert not has_spectral_norm(small(name)[1])
    monkeypatch.setattr(module, "_start_state", None)  # a call would raise
    gan = gan_of("dcgan", disc_norm="spectral")
    assert bits(start_state(gan, SHAPE, KEY)) == bits(init_state(gan, SHAPE, KEY))


def test_only_a_cpu_compiles_quickly(monkeypatch):
    monkeypatch.setattr(module, "_start_state", None)
    monkeypatch.setattr(module.jax, "default_backend", lambda: "gpu")
    gan = gan_of("mlp")
    assert bits(start_state(gan, SHAPE, KEY)) == bits(init_state(gan, SHAPE, KEY))
