"""`Gan`, the static rules of training, and `TrainState`, the arrays that training changes.

`Gan` is frozen and hashable, and static under `jit`. `TrainState` holds arrays only, so that tree
maps, checkpoints and `vmap` work on it.
"""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax.sharding import Mesh

from jaxgan.config.errors import UserError
from jaxgan.config.schema import AugmentConfig, Config
from jaxgan.config.seeds import without_seeds
from jaxgan.gan.losses import Loss, find_loss, smooth_labels
from jaxgan.gan.optimizers import make_optimizer
from jaxgan.gan.penalties import PENALTIES
from jaxgan.gan.schedules import Schedule, piecewise_schedule, schedule_in_images
from jaxgan.networks import ImageShape, network_pair
from jaxgan.networks.mixed_precision import Network
from jaxgan.parallel.quick_compile import QUICK_COMPILE
from jaxgan.types import Array, Images, Labels, PackedImages, PRNGKey, Scalar, Stream, stream_key

D_RUNNING_STATS = "tracked"  # the collection of D's stats that its network does not own


@dataclasses.dataclass(frozen=True)
class Gan:
    """The rules of training.

    Schedules are functions of the number of images seen; None keeps the quantity constant.

    Attributes:
      gen, disc: networks from latents to images, and from images to logits.
      gen_tx, disc_tx: the players' optimizers.
      loss: what each player minimises.
      penalties: (name or import path, weight) of each active discriminator penalty.
      penalty_schedule: factor of all penalty weights.
      penalty_every: number of steps from one computation of the penalties to the next.
      latent_size: length of z.
      classes: number of classes of a class-conditional GAN, else 0.
      packing: number of images that D sees as one.
      augment: augmentation of D's images.
      augment_schedule: factor of its probability.
      augment_start: probability with which ADA starts.
      d_steps: discriminator updates per step.
      images_per_step: number of real images that a step consumes.
      ema_half_life: of the moving average of G's weights, in images; 0 keeps no average.
      ema_schedule: factor of `ema_half_life`.
      mesh: devices that share a batch; None for one device.
      shards: number of virtual shards of a batch; 0 leaves it in one piece.
      class_counts: training images of each class of a class-conditional GAN; () if not known.
    """

    gen: Network
    disc: Network
    gen_tx: optax.GradientTransformation
    disc_tx: optax.GradientTransformation
    loss: Loss
    penalties: tuple[tuple[str, float], ...]
    penalty_schedule: Schedule | None
    latent_size: int
    classes: int
    packing: int
    augment: AugmentConfig
    augment_schedule: Schedule | None
    d_steps: int
    images_per_step: int
    ema_half_life: int
    ema_schedule: Schedule | None
    mesh: Mesh | None = None
    shards: int = 0
    class_counts: tuple[int, ...] = ()
    augment_start: float = 0.0
    penalty_every: int = 1


class Player(struct.PyTreeNode):
    """One player: weights, other variables of its network (batch statistics, ...), optimizer state.

    Fields have no precise types, because tree maps put all kinds of leaves into them.
    """

    params: Any
    stats: Any
    opt_state: Any


class TrainState(struct.PyTreeNode):
    """The arrays that training changes, and the run's root key, which it does not.

    Attributes:
      step: int32 scalar, generator updates done.
      key: the root key; every draw is folded from it.
      gen, disc: a `Player` each.
      ema_params: moving average of the generator's weights; {} if none is kept.
    """

    step: Any
    key: Any
    gen: Any
    disc: Any
    ema_params: Any


def build_gan(
    config: Config,
    image_shape: ImageShape,
    classes: int = 0,
    class_counts: tuple[int, ...] = (),
    images: int = 0,
    examples: int = 0,
) -> Gan:
    """Builds the rules of a config.

    Configs that differ only in their seeds give the same object, so that `jit` compiles once.

    Args:
      image_shape: shape of one example.
      classes: number of classes in the data; 0 if it has no labels.
      class_counts: number of training images of each class; (): not known, taken as equal.
      images: number of images in the run, which config.schedule.unit = "run" needs.
      examples: number of training images, by which ADA may choose its start; 0: not known.

    Raises:
      UserError: the config does not fit the shape or the labels of the data.
    """
    config = without_seeds(config)
    schedule = schedule_in_images(config.schedule, images)
    gan = _build_gan(dataclasses.replace(config, schedule=schedule), image_shape, classes)
    if start := ada_start(config.augment, examples):
        gan = dataclasses.replace(gan, augment_start=start)
    return dataclasses.replace(gan, class_counts=class_counts) if gan.classes else gan


@functools.cache
def _build_gan(config: Config, image_shape: ImageShape, classes: int) -> Gan:
    _check_data(config, image_shape, classes)
    classes = classes if config.network.conditional else 0
    network = config.network
    pair = network_pair(network, image_shape, classes)
    gen, disc = (Network(x, network.precision, network.matmul_precision) for x in pair)
    loss = find_loss(config.loss)
    batch_size, d_steps, schedule = config.train.batch_size, config.train.d_steps, config.schedule
    weights = {name: getattr(config.penalty, name) for name in PENALTIES}
    schedules = {
        name: piecewise_schedule(points, schedule.shape) for name, points in schedule.points.items()
    }
    return Gan(
        gen=gen,
        disc=disc,
        gen_tx=make_optimizer(config.optimizer.gen, schedule, batch_size * d_steps),
        disc_tx=make_optimizer(config.optimizer.disc, schedule, batch_size),
        loss=smooth_labels(loss, config.label_smoothing) if config.label_smoothing else loss,
        penalties=(*((name, x) for name, x in weights.items() if x), *config.penalty.own),
        penalty_schedule=schedules.get("penalty"),
        penalty_every=config.penalty.every,
        latent_size=network.latent_size,
        classes=classes,
        packing=config.packing,
        augment=config.augment,
        augment_schedule=schedules.get("augment"),
        d_steps=d_steps,
        images_per_step=batch_size * d_steps,
        ema_half_life=config.ema.half_life,
        ema_schedule=schedules.get("ema"),
        shards=config.parallel.shards,
    )


@functools.partial(jax.jit, static_argnums=(0, 1))
def init_state(gan: Gan, image_shape: ImageShape, key: PRNGKey) -> TrainState:
    """Returns the state before the first step; `key` becomes the run's root key."""
    gen_key, disc_key = jax.random.split(stream_key(key, Stream.INIT, 0))
    images = pack(jnp.zeros((gan.packing, *image_shape)), gan.packing)
    z = jnp.zeros((1, gan.latent_size))
    labels = jnp.zeros(1, jnp.int32) if gan.classes else None
    gen = _init_player(gan.gen, gan.gen_tx, gen_key, z, labels)
    disc = _init_player(gan.disc, gan.disc_tx, disc_key, images, labels)
    if running := _initial_running_stats(gan):
        disc = disc.replace(stats={**disc.stats, D_RUNNING_STATS: running})
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=key,
        gen=gen,
        disc=disc,
        # A copy, because a buffer that is twice in the state cannot be donated.
        ema_params=jax.tree.map(jnp.copy, gen.params) if gan.ema_half_life else {},
    )


def init_state_quickly(gan: Gan, image_shape: ImageShape, key: PRNGKey) -> TrainState:
    """Returns what `init_state` does; on a CPU it is compiled in about half the time.

    The bits are the same, unless a network of your own adds numbers up in its initialisation: then
    the last one may be another. Call it outside of `jax.jit` and other transformations.
    """
    if jax.default_backend() != "cpu" or _has_singular_vectors(gan, image_shape, key):
        return init_state(gan, image_shape, key)
    return _init_state_quickly(gan, image_shape, key)


def _has_singular_vectors(gan: Gan, image_shape: ImageShape, key: PRNGKey) -> bool:
    """Returns True with spectral norm: they are sums, whose last bit depends on the compiler."""
    shapes = jax.eval_shape(functools.partial(init_state, gan, image_shape), key)
    return "spectral" in {*shapes.disc.stats, *shapes.gen.stats}


_init_state_quickly = jax.jit(init_state, static_argnums=(0, 1), compiler_options=QUICK_COMPILE)


def pack(images: Images, packing: int) -> PackedImages:
    """Puts every `packing` consecutive images into the channels of one (PacGAN).

    Lin et al. 2018 (arXiv:1712.04086), section 2.
    """
    if packing == 1:
        return images
    packs = jnp.moveaxis(images.reshape(-1, packing, *images.shape[1:]), 1, -2)
    return packs.reshape(*packs.shape[:-2], -1)


def _init_player(
    network: Network,
    tx: optax.GradientTransformation,
    key: PRNGKey,
    inputs: Array,
    labels: Labels | None,
) -> Player:
    variables = network.init(key, inputs, True, labels)
    params = variables.pop("params")
    return Player(params, variables, tx.init(params))


def _initial_running_stats(gan: Gan) -> dict[str, Scalar]:
    """Returns the running statistics of D's logits, by name; see `d_statistics`."""
    running: dict[str, Scalar] = {}
    if "lecam" in dict(gan.penalties):
        running |= {"mean_real": jnp.zeros(()), "mean_fake": jnp.zeros(())}
    if gan.augment.policy and gan.augment.target:
        running["probability"] = jnp.asarray(gan.augment_start, jnp.float32)
    return running


def ada_start(augment: AugmentConfig, examples: int) -> float:
    """Returns the probability with which ADA starts for this many training images.

    Karras et al. 2020 (arXiv:2006.06676) start at 0, and find that the probability at which ADA
    arrives falls with the logarithm of the number of images. The slope, 0.25 for each power of
    ten, is a choice of ours.
    """
    if not augment.ample_images or not examples:
        return 0.0
    return min(1.0, max(0.0, 0.25 * math.log10(augment.ample_images / examples)))


def _check_data(config: Config, image_shape: ImageShape, classes: int) -> None:
    name = config.data.name
    if config.network.conditional and not classes:
        raise UserError(
            f"config.network.conditional = True: the data set {name} has no labels; set it to "
            "False, or put image files into one folder per class"
        )
    if len(image_shape) == 3:
        return
    if config.augment.policy:
        raise UserError(
            f"config.augment.policy = {config.augment.policy!r}: {name} has points, not images"
        )
    if config.penalty.consistency:
        raise UserError(
            f"config.penalty.consistency = {config.penalty.consistency}: shifts images, and "
            f"{name} has points"
        )
