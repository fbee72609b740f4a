"""The two halves of a GAN: its rules, which never change, and its arrays, which training changes.

`Gan` is frozen and hashable, an argument that `jit` treats as static. `TrainState` holds arrays
alone, so that any tree map, checkpoint or vmap takes it whole.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct

from jaxgan.config import Config
from jaxgan.losses import LOSSES, Loss
from jaxgan.networks import NETWORKS, ImageShape
from jaxgan.optimizers import adam
from jaxgan.types import Params, PRNGKey, Stream, stream_key


@dataclasses.dataclass(frozen=True)
class Gan:
    """The rules of training.

    Attributes:
      gen, disc: Linen modules, `gen(z, train)` to images and `disc(images, train)` to logits.
      gen_tx, disc_tx: the players' optimisers.
      loss: what each player minimises.
      latent_size: length of z.
      d_steps: discriminator updates per step.
      ema_decay: of the generator's averaged weights per step; 0 keeps no average.
    """

    gen: nn.Module
    disc: nn.Module
    gen_tx: optax.GradientTransformation
    disc_tx: optax.GradientTransformation
    loss: Loss
    latent_size: int
    d_steps: int
    ema_decay: float


class Player(struct.PyTreeNode):
    """One network: weights, its other variables (batch statistics, ...), optimiser state."""

    params: Params
    stats: Params
    opt_state: Params


class TrainState(struct.PyTreeNode):
    """Everything that training changes, and the run's root key, which it does not.

    Attributes:
      step: int32 scalar, generator updates done.
      key: the root key; every draw is folded from it.
      ema_params: the generator's averaged weights; empty without an average.
    """

    step: jax.Array
    key: jax.Array
    gen: Player
    disc: Player
    ema_params: Params


@functools.cache
def build_gan(config: Config, image_shape: ImageShape) -> Gan:
    """The rules a config asks for; equal configs give one object, so that `jit` traces once."""
    gen, disc = NETWORKS[config.network.name](config.network, image_shape)
    images_per_step = config.train.batch_size * config.train.d_steps
    half_life = config.ema.half_life
    return Gan(
        gen=gen,
        disc=disc,
        gen_tx=adam(config.optimizer.gen),
        disc_tx=adam(config.optimizer.disc),
        loss=LOSSES[config.loss],
        latent_size=config.network.latent_size,
        d_steps=config.train.d_steps,
        ema_decay=0.5 ** (images_per_step / half_life) if half_life else 0.0,
    )


@functools.partial(jax.jit, static_argnums=(0, 1))
def init_state(gan: Gan, image_shape: ImageShape, key: PRNGKey) -> TrainState:
    """The state before the first step; `key` becomes the run's root key."""
    gen_key, disc_key = jax.random.split(stream_key(key, Stream.INIT, 0))
    gen = _init_player(gan.gen, gan.gen_tx, gen_key, jnp.zeros((1, gan.latent_size)))
    disc = _init_player(gan.disc, gan.disc_tx, disc_key, jnp.zeros((1, *image_shape)))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=key,
        gen=gen,
        disc=disc,
        # A copy: a buffer that stood twice in the state could not be donated.
        ema_params=jax.tree.map(jnp.copy, gen.params) if gan.ema_decay else {},
    )


def sampling_params(state: TrainState) -> Params:
    """The generator's weights to sample with: the averaged ones where there are any."""
    return state.ema_params or state.gen.params


def _init_player(module, tx, key, example) -> Player:
    variables = dict(module.init(key, example, train=True))
    params = variables.pop("params")
    return Player(params, variables, tx.init(params))
