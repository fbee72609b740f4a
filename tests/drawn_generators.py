"""Small generators of every network, with random variables, for tests."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config
from jaxgan.gan.state import build_gan
from jaxgan.networks import NETWORKS

SIDE, CLASSES = 16, 3
SIZES = {
    "mlp": {"gen_widths": (16, 9)},
    "dcgan": {"gen_channels": 4},
    "sngan": {"gen_channels": 5},
    # Two changes of the number of channels, and groups of several channels.
    "r3gan": {"stage_channels": (16, 8, 8), "cardinality": (4, 2, 2), "blocks": 1},
    "infogan": {"gen_widths": (8,), "gen_channels": 4},
}
KINDS = [(name, classes) for name in NETWORKS for classes in (0, CLASSES)]


def gan_of(name, classes=0, shape=(SIDE, SIDE, 1), **settings):
    network = NetworkConfig(
        name=name, latent_size=6, conditional=bool(classes), **SIZES[name] | settings
    )
    return build_gan(dataclasses.replace(Config(), network=network), shape, classes)


def drawn_variables(gan):
    """(params, stats) of a generator, all of them random, also those that begin as constants."""
    z, labels = jnp.zeros((1, gan.latent_size)), jnp.zeros(1, jnp.int32) if gan.classes else None
    shapes = jax.eval_shape(lambda: gan.gen.init(jax.random.key(0), z, True, labels))
    random = np.random.RandomState(0)

    def draw(path, leaf):
        name = jax.tree_util.keystr(path[-1:], simple=True)
        if name in ("gain", "variance"):
            return jnp.asarray(random.uniform(0.5, 2, leaf.shape), jnp.float32)
        scale = np.prod(leaf.shape[:-1]) ** -0.5 if name == "kernel" else 0.3
        return jnp.asarray(scale * random.standard_normal(leaf.shape), jnp.float32)

    stats = jax.tree_util.tree_map_with_path(draw, shapes)
    return stats.pop("params"), stats
