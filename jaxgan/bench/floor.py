"""The bench's own floor: the barest scan of the classic GAN's mathematics.

It draws the same latents and batches and computes the same losses and updates as `train_epoch`, to
rounding. It has no checksums, no metrics but the losses, and no check for values that are not
finite.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import leaky_relu, softplus

from jaxgan.bench.ours import orders
from jaxgan.bench.timing import Measure, Variant, stopwatch
from jaxgan.config.schema import AdamConfig, Config
from jaxgan.data import lazy_array
from jaxgan.gan.state import Player, TrainState, build_gan, init_state
from jaxgan.networks.mlp import NEGATIVE_SLOPE
from jaxgan.types import Array, Order, Pixels, PRNGKey, Scalar, Stream, stream_key, to_images


class FloorPlayer(NamedTuple):
    """A list of (kernel, bias) of each layer, and Adam's two moments of the same shape."""

    params: Any
    first: Any
    second: Any


class FloorState(NamedTuple):
    """The arrays that training changes."""

    step: Array
    gen: FloorPlayer
    disc: FloorPlayer


def floor(config: Config, pixels: lazy_array.Array, steps: int) -> Variant:
    """Returns so many steps in one call as a variant."""

    def prepare() -> Measure:
        gan, shape = build_gan(config, pixels.shape[1:]), pixels.shape[1:]
        ours = init_state(gan, shape, jax.random.key(config.seed))
        order = orders(ours.key, len(pixels), config.train.batch_size, steps)
        state, resident = floor_state(ours), jax.device_put(pixels)

        def run() -> None:
            nonlocal state
            state, losses = floor_epoch(config, state, ours.key, resident, order)
            jax.block_until_ready((state, losses))

        return stopwatch(run)

    return Variant(prepare, steps)


def floor_state(state: TrainState) -> FloorState:
    """Returns the weights of a state before its first step, for `floor_epoch`."""
    gen, disc = (_floor_player(player) for player in (state.gen, state.disc))
    return FloorState(jnp.copy(state.step), gen, disc)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
def floor_epoch(
    config: Config, state: FloorState, key: PRNGKey, pixels: Pixels, order: Order
) -> tuple[FloorState, tuple[Array, Array]]:
    """Trains one step for each row of `order`; returns the new state and D's and G's losses."""
    flat, optimizer = pixels.reshape(len(pixels), -1), config.optimizer

    def latents_key(step: Array) -> PRNGKey:
        update_key = jax.random.split(stream_key(key, Stream.UPDATE, step), 1)[0]
        return jax.random.fold_in(update_key, Stream.LATENTS)

    def step(state: FloorState, inputs: Any) -> tuple[FloorState, tuple[Scalar, Scalar]]:
        key, row = inputs
        real = to_images(flat.at[row].get(mode="promise_in_bounds"))
        z = jax.random.normal(key, (len(row), config.network.latent_size))
        fake, pull = jax.vjp(lambda params: jnp.tanh(_layers(params, z)), state.gen.params)
        d_loss, grads = jax.value_and_grad(_disc_loss)(state.disc.params, real, fake)
        disc = _adam(optimizer.disc, state.disc, grads, state.step + 1)
        # Only the gradient at the images: G's part of the chain is `pull`.
        g_loss, to_fake = jax.value_and_grad(_gen_loss)(fake, disc.params)
        gen = _adam(optimizer.gen, state.gen, pull(to_fake)[0], state.step + 1)
        return FloorState(state.step + 1, gen, disc), (d_loss, g_loss)

    keys = jax.vmap(latents_key)(state.step + jnp.arange(len(order)))
    return jax.lax.scan(step, state, (keys, order))


def _layers(params: Any, x: Array) -> Array:
    for kernel, bias in params[:-1]:
        x = leaky_relu(x @ kernel + bias[None], NEGATIVE_SLOPE)
    kernel, bias = params[-1]
    return x @ kernel + bias[None]


def _disc_loss(params: Any, real: Array, fake: Array) -> Scalar:
    real_logits, fake_logits = jnp.split(_layers(params, jnp.concatenate([real, fake])), 2)
    return jnp.mean(softplus(-real_logits)) + jnp.mean(softplus(fake_logits))


def _gen_loss(fake: Array, params: Any) -> Scalar:
    return jnp.mean(softplus(-_layers(params, fake)))


def _adam(config: AdamConfig, player: FloorPlayer, grads: Any, count: Array) -> FloorPlayer:
    """Applies Adam, with both bias corrections in two scalars (Kingma and Ba 2015, section 2)."""
    b1, b2 = config.b1, config.b2
    root = jnp.sqrt(1 - b2**count)
    rate, epsilon = config.learning_rate * root / (1 - b1**count), config.eps * root
    first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, player.first, grads)
    second = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, player.second, grads)
    params = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + epsilon), player.params, first, second
    )
    return FloorPlayer(params, first, second)


def _floor_player(player: Player) -> FloorPlayer:
    layers = [player.params[f"Linear_{i}"]["dense"] for i in range(len(player.params))]
    # Copies, since both states' buffers are donated.
    params = [(jnp.copy(layer["kernel"]), jnp.copy(layer["bias"])) for layer in layers]
    return FloorPlayer(
        params, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)
    )
