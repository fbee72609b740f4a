import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config import NetworkConfig
from jaxgan.networks import NETWORKS


@pytest.mark.parametrize("shape", [(28, 28, 1), (5, 7, 3)])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_makes_images_and_one_logit_for_each(name, shape):
    gen, disc = NETWORKS[name](NetworkConfig(), shape, 0)
    z = jax.random.normal(jax.random.key(0), (3, 100))
    images, _ = gen.init_with_output(jax.random.key(1), z, train=True)
    assert images.shape == (3, *shape)
    assert jnp.abs(images).max() <= 1
    logits, _ = disc.init_with_output(jax.random.key(2), images, train=True)
    assert logits.shape == (3,)


def test_the_classic_gan_has_its_published_size():
    gen, disc = NETWORKS["mlp"](NetworkConfig(), (28, 28, 1), 0)
    sizes = [
        sum(leaf.size for leaf in jax.tree.leaves(net.init(jax.random.key(0), x, train=True)))
        for net, x in ((gen, jnp.zeros((1, 100))), (disc, jnp.zeros((1, 28, 28, 1))))
    ]
    assert sizes[0] == 100 * 256 + 256 + 256 * 512 + 512 + 512 * 784 + 784
    assert sizes[1] == 784 * 512 + 512 + 512 * 256 + 256 + 256 + 1


def test_weights_and_biases_start_uniform_within_one_over_the_root_of_fan_in():
    gen, _ = NETWORKS["mlp"](NetworkConfig(), (28, 28, 1), 0)
    params = gen.init(jax.random.key(0), jnp.zeros((1, 100)), train=True)["params"]
    for layer, fan_in in (("Linear_0", 100), ("Linear_1", 256), ("Linear_2", 512)):
        bound = fan_in**-0.5
        for leaf in ("kernel", "bias"):
            values = np.asarray(params[layer]["dense"][leaf])
            assert np.abs(values).max() <= bound
            assert np.abs(values).max() > 0.98 * bound
            np.testing.assert_allclose(values.std(), bound / 3**0.5, rtol=0.1)
