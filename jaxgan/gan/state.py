"""The two halves of a GAN: its rules, which never change, and its arrays, which training changes.

`Gan` is frozen and hashable, an argument that `jit` treats as static. `TrainState` holds arrays
alone, so that any tree map, checkpoint or vmap takes it whole.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from jax.sharding import Mesh

from jaxgan.config.errors import UserError
from jaxgan.config.schema import AugmentConfig, Config
from jaxgan.config.seeds import without_seeds
from jaxgan.gan.losses import LOSSES, Loss, smooth_labels
from jaxgan.gan.optimizers import make_optimizer
from jaxgan.gan.penalties import PENALTIES
from jaxgan.gan.schedules import Schedule, piecewise_schedule
from jaxgan.networks import NETWORKS, ImageShape
from jaxgan.networks.mixed_precision import Network, with_precision
from jaxgan.types import Images, Labels, PackedImages, PRNGKey, Stream, stream_key

D_RUNNING_STATS = "tracked"  # the collection of D's stats that no network owns


@dataclasses.dataclass(frozen=True)
class Gan:
    """The rules of training.

    Attributes:
      gen, disc: networks, `gen(z, train)` to images and `disc(images, train)` to logits.
      gen_tx, disc_tx: the players' optimisers.
      loss: what each player minimises.
      penalties: (name, weight) of those that D pays.
      penalty_factor: of all weights, by images seen.
      latent_size: length of z.
      classes: labels that both networks are given; 0 where they are not.
      packing: images that D sees as one.
      augment: what D's images go through.
      augment_factor: of its probability, by images seen.
      d_steps: discriminator updates per step.
      images_per_step: real images that a step consumes.
      half_life: of the generator's averaged weights in images; 0 keeps no average.
      half_life_factor: of that, by images seen.
      mesh: the devices that share a batch; None where there is one.
      shards: virtual, of which a batch is made up; 0 where it is in one piece.
    """

    gen: Network | nn.Module
    disc: Network | nn.Module
    gen_tx: optax.GradientTransformation
    disc_tx: optax.GradientTransformation
    loss: Loss
    penalties: tuple[tuple[str, float], ...]
    penalty_factor: Schedule | None
    latent_size: int
    classes: int
    packing: int
    augment: AugmentConfig
    augment_factor: Schedule | None
    d_steps: int
    images_per_step: int
    half_life: int
    half_life_factor: Schedule | None
    mesh: Mesh | None = None
    shards: int = 0


class Player(struct.PyTreeNode):
    """One network: weights, its other variables (batch statistics, ...), optimiser state."""

    params: Any  # loosely typed: tree maps put all kinds of leaves here
    stats: Any
    opt_state: Any


class TrainState(struct.PyTreeNode):
    """Everything that training changes, and the run's root key, which it does not.

    Attributes:
      step: int32 scalar, generator updates done.
      key: the root key; every draw is folded from it.
      ema_params: the generator's averaged weights; empty without an average.
    """

    step: Any
    key: Any
    gen: Any
    disc: Any
    ema_params: Any


def build_gan(config: Config, image_shape: ImageShape, classes: int = 0) -> Gan:
    """The rules a config asks for; configs that differ in their seeds alone give one object, so
    that `jit` traces once.

    Args:
      image_shape: of the data.
      classes: that the data has labels of, which a conditional GAN needs.

    Raises:
      UserError: the data's shape or labels do not allow what the config asks for.
    """
    return _build_gan(without_seeds(config), image_shape, classes)


@functools.cache
def _build_gan(config: Config, image_shape: ImageShape, classes: int) -> Gan:
    _check_images(config, image_shape)
    classes = _classes(config, classes)
    pair = NETWORKS[config.network.name](config.network, image_shape, classes)
    gen, disc = (with_precision(module, config.network) for module in pair)
    loss = LOSSES[config.loss]
    batch, d_steps, schedule = config.train.batch_size, config.train.d_steps, config.schedule
    weights = {name: getattr(config.penalty, name) for name in PENALTIES}
    factors = {
        name: piecewise_schedule(points, schedule.shape) if points else None
        for name, points in vars(schedule).items()
        if name != "shape"
    }
    return Gan(
        gen=gen,
        disc=disc,
        gen_tx=make_optimizer(config.optimizer.gen, schedule, batch * d_steps),
        disc_tx=make_optimizer(config.optimizer.disc, schedule, batch),
        loss=smooth_labels(loss, config.label_smoothing) if config.label_smoothing else loss,
        penalties=tuple((name, weight) for name, weight in weights.items() if weight),
        penalty_factor=factors["penalty"],
        latent_size=config.network.latent_size,
        classes=classes,
        packing=config.packing,
        augment=config.augment,
        augment_factor=factors["augment"],
        d_steps=d_steps,
        images_per_step=batch * d_steps,
        half_life=config.ema.half_life,
        half_life_factor=factors["ema"],
        shards=config.parallel.shards,
    )


@functools.partial(jax.jit, static_argnums=(0, 1))
def init_state(gan: Gan, image_shape: ImageShape, key: PRNGKey) -> TrainState:
    """The state before the first step; `key` becomes the run's root key."""
    gen_key, disc_key = jax.random.split(stream_key(key, Stream.INIT, 0))
    images = pack(jnp.zeros((gan.packing, *image_shape)), gan.packing)
    z = jnp.zeros((1, gan.latent_size))
    labels = jnp.zeros(1, jnp.int32) if gan.classes else None
    gen = _init_player(gan.gen, gan.gen_tx, gen_key, z, labels)
    disc = _init_player(gan.disc, gan.disc_tx, disc_key, images, labels)
    if tracked := _initial_running_stats(gan):
        disc = disc.replace(stats={**disc.stats, D_RUNNING_STATS: tracked})
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=key,
        gen=gen,
        disc=disc,
        # A copy: a buffer that stood twice in the state could not be donated.
        ema_params=jax.tree.map(jnp.copy, gen.params) if gan.half_life else {},
    )


def pack(images: Images, packing: int) -> PackedImages:
    """Each `packing` images that follow each other, as the channels of one (PacGAN).

    Lin et al. 2018 (arXiv:1712.04086), section 2.
    """
    if packing == 1:
        return images
    apart = jnp.moveaxis(images.reshape(-1, packing, *images.shape[1:]), 1, -2)
    return apart.reshape(*apart.shape[:-2], -1)


def _init_player(module, tx, key, example, labels) -> Player:
    variables = module.init(key, example, True, *with_labels(labels))
    params = variables.pop("params")
    return Player(params, variables, tx.init(params))


def _initial_running_stats(gan: Gan) -> dict[str, jax.Array]:
    """What D keeps of earlier updates besides its network's own variables."""
    tracked: dict[str, jax.Array] = {}
    if "lecam" in dict(gan.penalties):
        tracked |= {"mean_real": jnp.zeros(()), "mean_fake": jnp.zeros(())}
    if gan.augment.policy and gan.augment.target:
        tracked["probability"] = jnp.zeros(())
    return tracked


def with_labels(labels: Labels | None) -> tuple[Labels, ...]:
    """The arguments of a network after its inputs and `train`."""
    return () if labels is None else (labels,)


def _classes(config: Config, classes: int) -> int:
    if not config.network.conditional:
        return 0
    if not classes:
        raise UserError(
            f"config.network.conditional = True: the data set {config.data.name} has no labels"
        )
    return classes


def _check_images(config: Config, image_shape: ImageShape) -> None:
    if len(image_shape) == 3:
        return
    name = config.data.name
    if config.augment.policy:
        raise UserError(
            f"config.augment.policy = {config.augment.policy!r}: {name} has points, not images"
        )
    if config.penalty.consistency:
        raise UserError(
            f"config.penalty.consistency = {config.penalty.consistency}: shifts images, and "
            f"{name} has points"
        )
