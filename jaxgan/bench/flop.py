"""Counts the floating-point operations in the matrix products of a training step."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.config.schema import Config
from jaxgan.gan.state import Gan
from jaxgan.networks import layers
from jaxgan.networks.mixed_precision import Network
from jaxgan.types import Array

COMPARING_LOSSES = ("relativistic", "relativistic_average")  # G's loss has logits of real images


def step_flop(config: Config, gan: Gan, image_shape: tuple[int, ...]) -> float:
    """Returns the operations of one update of D and one of G, two for each multiplication.

    A layer's forward, weight-gradient and input-gradient products cost the same. The penalties
    must be R1 or R2, and D without batch norm then.
    """
    gen = layer_products(gan.gen, jnp.zeros((1, gan.latent_size)))
    disc = layer_products(gan.disc, jnp.zeros((1, *image_shape)))
    # Nobody needs the gradient of the latents.
    gen_products = 3 * sum(gen) - gen[0]
    # D's update, for real and for generated images: forward, weights, inputs of all but the first.
    disc_products = 2 * (3 * sum(disc) - disc[0])
    # G's update: forward with the new D, and back through it to the images.
    disc_products += 2 * sum(disc)
    if config.loss in COMPARING_LOSSES:
        disc_products += sum(disc)
    # The gradient at the images, then its derivative: forward again from the images to the layer
    # before the logit, and the weights.
    disc_products += len(gan.penalties) * (3 * sum(disc) - disc[-1])
    return 2.0 * config.train.batch_size * (gen_products + disc_products)


def layer_products(network: Network, inputs: Array) -> list[int]:
    """Returns the multiplications of each dense or convolutional layer, in the order of calls."""
    counts: list[int] = []

    def count(call: Callable, arguments: Any, named: Any, context: Any) -> Any:
        outputs = call(*arguments, **named)
        if (products := PRODUCTS.get(type(context.module))) and context.method_name == "__call__":
            counts.append(products(context.module, arguments[0].shape, outputs.shape))
        return outputs

    with nn.intercept_methods(count):
        jax.eval_shape(lambda: network.init(jax.random.key(0), inputs, True))
    return counts


def _dense(layer: Any, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
    del layer
    return math.prod(outputs) * inputs[-1]


def _conv(layer: Any, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
    return math.prod(outputs) * math.prod(layer.kernel) * (inputs[-1] // layer.groups)


def _conv_transpose(layer: Any, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
    return math.prod(inputs) * math.prod(layer.kernel) * outputs[-1]


PRODUCTS: dict[type[nn.Module], Callable[[Any, tuple[int, ...], tuple[int, ...]], int]] = {
    nn.Dense: _dense,
    layers.Dense: _dense,
    layers.Conv: _conv,
    layers.ConvTranspose: _conv_transpose,
}
