import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.config.errors import UserError
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config
from jaxgan.gan.directions import first_layer, latent_directions
from jaxgan.gan.state import build_gan
from jaxgan.networks import NETWORKS
from tests.test_networks import SIZES, quick

LATENT, CLASSES = 6, 4


def gan_of(name, conditional):
    network = NetworkConfig(name=name, latent_size=LATENT, conditional=conditional, **SIZES[name])
    return build_gan(dataclasses.replace(Config(), network=network), (28, 28, 1), CLASSES)


def started(gan):
    labels = jnp.zeros(2, jnp.int32) if gan.classes else None
    z = jnp.zeros((2, LATENT))
    return quick(lambda: gan.gen.init(jax.random.key(1), z, True, labels))()


def without(params, direction):
    """The same weights, with a first layer that does not see a direction of the latents."""

    def project(path, array):
        name = jax.tree_util.keystr(path)
        if "kernel" not in name or not any(x in name for x in ("'Dense_0'", "'Linear_0'")):
            return array
        seen = array[:LATENT] - jnp.outer(direction, direction @ array[:LATENT])
        return jnp.concatenate([seen, array[LATENT:]])

    return jax.tree_util.tree_map_with_path(project, params)


@pytest.mark.parametrize("conditional", [False, True], ids=["", "conditional"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_first_layer_is_all_that_sees_the_latents(name, conditional):
    gan = gan_of(name, conditional)
    variables = started(gan)
    strongest = jnp.asarray(latent_directions(gan, variables["params"]).vectors[0])
    labels = jnp.arange(2) if conditional else None

    @quick
    def images(params, z):
        return gan.gen.apply({**variables, "params": params}, z, False, labels)

    z = jax.random.normal(jax.random.key(0), (2, LATENT))
    moved = z + 3 * strongest[None]
    params = variables["params"]
    blind = without(params, strongest)
    change = np.abs(images(params, z) - images(params, moved)).max()
    assert change > 1e-4
    np.testing.assert_allclose(images(blind, z), images(blind, moved), atol=change / 1e3)


def test_directions_are_those_in_which_the_first_layer_stretches_most():
    gan = gan_of("mlp", conditional=True)
    params = started(gan)["params"]
    directions = latent_directions(gan, params)
    kernel = np.asarray(params["Linear_0"]["dense"]["kernel"])[:LATENT]
    np.testing.assert_array_equal(first_layer(gan, params), kernel)
    stretched = np.linalg.norm(directions.vectors @ kernel, axis=1)
    np.testing.assert_allclose(stretched, directions.singular_values, rtol=1e-5)
    assert (np.diff(stretched) < 0).all()
    np.testing.assert_allclose(directions.vectors @ directions.vectors.T, np.eye(6), atol=1e-6)
    assert (np.abs(directions.vectors).max(axis=1) == directions.vectors.max(axis=1)).all()
    random = np.random.RandomState(0).randn(1000, LATENT)
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    assert np.linalg.norm(random @ kernel, axis=1).max() <= stretched[0]


def test_r3gans_directions_count_the_size_of_each_map_of_its_basis():
    gan = gan_of("r3gan", conditional=False)
    params = started(gan)["params"]
    directions = latent_directions(gan, params)
    gains = directions.vectors @ np.asarray(params["Dense_0"]["kernel"])
    maps = gains[:, None, None] * np.asarray(params["basis"])
    np.testing.assert_allclose(
        np.linalg.norm(maps.reshape(len(maps), -1), axis=1), directions.singular_values, rtol=1e-5
    )


def test_a_network_of_ones_own_has_no_directions_and_says_so():
    class Own(nn.Module):
        pass

    gan = gan_of("mlp", conditional=False)
    gan = dataclasses.replace(gan, gen=dataclasses.replace(gan.gen, module=Own()))
    with pytest.raises(UserError, match="Own is not known; must be a network of mlp, dcgan"):
        latent_directions(gan, {})
