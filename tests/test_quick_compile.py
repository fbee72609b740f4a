import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.schema import Config, NetworkConfig
from jaxgan.data.shuffle import epoch_order, epoch_orders
from jaxgan.gan import state as states
from jaxgan.gan.state import build_gan, init_state
from jaxgan.networks.layers import has_spectral_norm
from jaxgan.parallel import quick_compile
from jaxgan.parallel.quick_compile import jit_quickly
from tests.test_networks import SIZES, small

KEY = jax.random.key(3)
SHAPE = (28, 28, 1)
DRAWS = {
    "normal": jax.random.normal,
    "uniform": lambda key, shape: jax.random.uniform(key, shape, minval=-0.1, maxval=0.1),
    "truncated": lambda key, shape: jax.random.truncated_normal(key, -2.0, 2.0, shape),
    "permutation": lambda key, shape: jax.random.permutation(key, shape[0]),
}


def check_same_bits(tree, other):
    def bits(leaf):
        typed = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if typed else leaf).tobytes()

    assert [*map(bits, jax.tree.leaves(tree))] == [*map(bits, jax.tree.leaves(other))]


@pytest.mark.parametrize("name", DRAWS)
def test_random_draws_have_the_bits_of_jit(name):
    draw = DRAWS[name]
    check_same_bits(
        jit_quickly(draw, static_argnums=1)(KEY, (1000, 7)),
        jax.jit(draw, static_argnums=1)(KEY, (1000, 7)),
    )


@pytest.mark.parametrize("name", ["mlp", "dcgan", "infogan", "r3gan", "sngan"])
def test_the_first_state_has_the_bits_of_jit(name):
    network = NetworkConfig(name=name, latent_size=6, **SIZES[name])
    gan = build_gan(Config(network=network), SHAPE)
    plain = jax.jit(states._first_state, static_argnums=(0, 1))
    check_same_bits(init_state(gan, SHAPE, KEY), plain(gan, SHAPE, KEY))


def test_it_can_be_called_within_other_transformations():
    def draw(key):
        return jax.random.normal(key, (5,))

    quick = jit_quickly(draw)
    check_same_bits(
        jax.jit(lambda key: quick(key) + 1)(KEY), jax.jit(lambda key: draw(key) + 1)(KEY)
    )
    assert jax.eval_shape(quick, KEY).shape == (5,)
    assert jax.vmap(quick)(jax.random.split(KEY, 3)).shape == (3, 5)
    orders = epoch_orders(KEY, range(2, 4), 40, 8)
    check_same_bits(orders, jnp.concatenate([epoch_order(KEY, epoch, 40, 8) for epoch in (2, 3)]))


def test_only_a_cpu_gets_the_options(monkeypatch):
    seen = []

    def record(function, compiler_options=None, **arguments):
        return lambda *inputs: seen.append(compiler_options)

    monkeypatch.setattr(quick_compile.jax, "jit", record)
    quick = jit_quickly(len)
    quick(np.zeros(3))
    monkeypatch.setattr(quick_compile.jax, "default_backend", lambda: "gpu")
    quick(np.zeros(3))
    assert seen == [quick_compile.OPTIONS, None]


def test_a_state_with_spectral_norm_is_compiled_in_full():
    spectral = {"sngan": "", "dcgan": "spectral", "infogan": "spectral"}
    for name, norm in spectral.items():
        settings = {"disc_norm": norm} if norm else {}
        assert has_spectral_norm(small(name, **settings)[1])
    for name in ("mlp", "dcgan", "infogan", "r3gan"):
        assert not has_spectral_norm(small(name)[1])
