"""One update of one player, as a pure function of state, batch and key."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from jaxgan.gan.array_sums import sum_arrays
from jaxgan.gan.augment import augment
from jaxgan.gan.checksums import tree_checksum
from jaxgan.gan.d_statistics import LECAM_MEANS, update_d_statistics
from jaxgan.gan.penalties import PENALTIES, Critic, find_penalty
from jaxgan.gan.sampling import update_latents
from jaxgan.gan.schedules import images_seen
from jaxgan.gan.state import D_RUNNING_STATS, Gan, Player, TrainState, pack
from jaxgan.networks.mixed_precision import Network
from jaxgan.parallel.deterministic_mean import over_shards
from jaxgan.types import (
    Batch,
    Checksum,
    Images,
    Labels,
    Latents,
    Logits,
    Metrics,
    PackedImages,
    Params,
    PRNGKey,
    Scalar,
    StepOutput,
    Stream,
)

OWN_PENALTIES = 1000  # number of the first penalty of the user's own, beyond those of PENALTIES
Gradients = tuple[Params, Scalar, Metrics]  # gradients, the loss they are of, metrics
GradientsOf = Callable[[Gan, TrainState, Batch, PRNGKey, Latents], tuple[Gradients, Params]]


def d_update(
    gan: Gan, state: TrainState, batch: Batch, key: PRNGKey, z: Latents | None = None
) -> tuple[TrainState, StepOutput]:
    """Updates the discriminator once; no leaf of the generator changes.

    Args:
      batch: real images; the i-th generated image gets the label of the i-th real one.
      key: of this update; all its random draws are folded from it.
      z: latents of the generated images; drawn from `key` by default.
    """
    return _update("disc", gan, state, batch, key, z)


def g_update(
    gan: Gan, state: TrainState, batch: Batch, key: PRNGKey, z: Latents | None = None
) -> tuple[TrainState, StepOutput]:
    """Updates the generator once; no leaf of the discriminator changes.

    Args:
      batch: real images, which losses that compare real and generated logits need.
      key: of this update; all its random draws are folded from it.
      z: latents of the generated images; drawn from `key` by default.
    """
    return _update("gen", gan, state, batch, key, z)


def _update(
    name: str, gan: Gan, state: TrainState, batch: Batch, key: PRNGKey, z: Latents | None
) -> tuple[TrainState, StepOutput]:
    """Updates the player that has this name in the state."""
    gradients = {"disc": _d_gradients, "gen": _g_gradients}[name]
    z = update_latents(gan, len(batch.images), key) if z is None else z
    (grads, loss, metrics), stats = _sharded_gradients(gradients, gan, state, batch, key, z)
    player, norm, skipped, grads_checksum = apply_gradients(
        getattr(state, name), getattr(gan, f"{name}_tx"), grads, stats, loss
    )
    output = StepOutput(
        metrics=metrics | {f"{name}/grad_norm": norm, f"{name}/skipped": skipped},
        checksums={f"{name}_grads": grads_checksum},
        trace={"latents": z, f"{name}_grads": grads},
    )
    return state.replace(**{name: player}), output


def _d_gradients(
    gan: Gan, state: TrainState, batch: Batch, key: PRNGKey, z: Latents
) -> tuple[Gradients, Params]:
    """Returns the gradients of D's loss and weighted penalties, and D's new statistics."""
    images, labels = batch
    generated, _ = forward(gan.gen, state.gen, z, labels)
    real, fake = augment_and_pack(gan, state, images, jax.lax.stop_gradient(generated), key)

    def loss_fn(params: Params) -> tuple[Scalar, tuple[Params, Scalar, Metrics]]:
        disc = state.disc.replace(params=params)
        real_logits, fake_logits, stats = _both_logits(gan, disc, real, fake, labels)
        loss = gan.loss.disc(real_logits, fake_logits)
        penalties = _due_penalties(gan, state, _critic(gan, disc, labels), real, fake, key)
        weighted = sum(weight * penalties[name] for name, weight in gan.penalties)
        total = loss + penalty_factor(gan, state) * weighted
        metrics = {
            "disc/loss": loss,
            "disc/logit_real": jnp.mean(real_logits),
            "disc/logit_fake": jnp.mean(fake_logits),
            "disc/prob_real": jnp.mean(jax.nn.sigmoid(real_logits)),
            "disc/prob_fake": jnp.mean(jax.nn.sigmoid(fake_logits)),
            **{f"disc/{name}": value for name, value in penalties.items()},
            **_augment_metrics(gan, state),
        }
        return total, (update_d_statistics(gan, stats, real_logits, fake_logits), total, metrics)

    grads, (stats, total, metrics) = jax.grad(loss_fn, has_aux=True)(state.disc.params)
    return (grads, total, metrics), stats


def _g_gradients(
    gan: Gan, state: TrainState, batch: Batch, key: PRNGKey, z: Latents
) -> tuple[Gradients, Params]:
    """Returns the gradients of G's loss, and G's new statistics."""
    images, labels = batch

    def loss_fn(params: Params) -> tuple[Scalar, tuple[Params, Scalar]]:
        generated, stats = forward(gan.gen, state.gen.replace(params=params), z, labels)
        real, fake = augment_and_pack(gan, state, images, generated, key)
        real_logits, _ = forward(gan.disc, state.disc, real, labels)
        fake_logits, _ = forward(gan.disc, state.disc, fake, labels)
        loss = gan.loss.gen(real_logits, fake_logits)
        return loss, (stats, loss)

    grads, (stats, loss) = jax.grad(loss_fn, has_aux=True)(state.gen.params)
    return (grads, loss, {"gen/loss": loss}), stats


def _sharded_gradients(
    gradients: GradientsOf, gan: Gan, state: TrainState, batch: Batch, key: PRNGKey, z: Latents
) -> tuple[Gradients, Params]:
    """Returns the gradients of a whole batch, or their mean over its virtual shards.

    Each shard makes its own random draws, except for the latents.
    """
    if not gan.shards:
        return gradients(gan, state, batch, key, z)

    def shard_gradients(
        shared: tuple[TrainState, PRNGKey], shard: tuple[Int[Array, " 1"], Batch, Latents]
    ) -> tuple[Gradients, Params]:
        state, key = shared
        index, batch, z = shard
        return gradients(gan, state, batch, jax.random.fold_in(key, index[0]), z)

    shards = (jnp.arange(gan.shards), batch, z)
    return over_shards(shard_gradients, gan.shards, gan.mesh, (state, key), shards)


def forward(
    network: Network, player: Player, inputs: Array, labels: Labels | None = None
) -> tuple[Array, Params]:
    """Applies a player's network in training; returns its outputs and its new statistics."""
    variables = {"params": player.params, **player.stats}
    outputs, updated = network.apply(variables, inputs, True, labels, mutable=list(player.stats))
    return outputs, {**player.stats, **updated}


def apply_gradients(
    player: Player, tx: optax.GradientTransformation, grads: Params, stats: Params, loss: Scalar
) -> tuple[Player, Scalar, Scalar, Checksum]:
    """Applies one optimizer update, unless loss or gradients are not finite.

    Returns:
      The player, unchanged if the update was skipped; the norm of the gradients; 1.0 if the update
      was skipped, else 0.0; the checksum of the gradients.
    """
    norm = gradient_norm(grads)
    finite = jnp.isfinite(loss) & jnp.isfinite(norm)

    def update() -> Player:
        updates, opt_state = tx.update(grads, player.opt_state, player.params)
        return Player(optax.apply_updates(player.params, updates), stats, opt_state)

    def branch() -> Player:
        return jax.lax.cond(finite, update, lambda: player)

    def select() -> Player:
        return jax.tree.map(functools.partial(jnp.where, finite), update(), player)

    # On CPU the select costs a tenth of the step; elsewhere a branch makes the device wait.
    kept = jax.lax.platform_dependent(cpu=branch, default=select)
    return kept, norm, 1.0 - finite.astype(jnp.float32), tree_checksum(grads)


def gradient_norm(grads: Params) -> Scalar:
    """Returns the Euclidean norm of all gradients as one vector."""

    def joined(grads: Params) -> Scalar:
        return jnp.sqrt(sum_arrays([jnp.square(jnp.abs(leaf)) for leaf in jax.tree.leaves(grads)]))

    norm: Scalar = jax.lax.platform_dependent(
        grads, cuda=joined, rocm=joined, default=optax.tree.norm
    )
    return norm


def augment_and_pack(
    gan: Gan, state: TrainState, real: Images, fake: Images, key: PRNGKey
) -> tuple[PackedImages, PackedImages]:
    """Turns images into what D sees. With the same key both players' updates draw the same."""
    if gan.augment.policy:
        probability = augment_probability(gan, state)
        real_key, fake_key = jax.random.split(jax.random.fold_in(key, Stream.AUGMENT))
        real = augment(real, real_key, gan.augment.policy, probability)
        fake = augment(fake, fake_key, gan.augment.policy, probability)
    return pack(real, gan.packing), pack(fake, gan.packing)


def augment_probability(gan: Gan, state: TrainState) -> Scalar | float:
    """Returns the probability of each augmentation in the next step."""
    running = state.disc.stats.get(D_RUNNING_STATS, {})
    probability = running.get("probability", gan.augment.probability)
    if gan.augment_schedule:
        probability = probability * gan.augment_schedule(images_so_far(gan, state))
    return probability


def _augment_metrics(gan: Gan, state: TrainState) -> Metrics:
    """Returns the probability of the augmentations, where it changes during the run."""
    if not gan.augment.policy or not (gan.augment.target or gan.augment_schedule):
        return {}
    return {"disc/augment": jnp.asarray(augment_probability(gan, state), jnp.float32)}


def penalty_factor(gan: Gan, state: TrainState) -> Float[Array, ""] | float:
    """Returns the scheduled factor of all penalty weights."""
    return gan.penalty_schedule(images_so_far(gan, state)) if gan.penalty_schedule else 1.0


def _critic(gan: Gan, disc: Player, labels: Labels | None) -> Critic:
    """Returns the discriminator as a function of images, which all have these labels."""
    running = disc.stats.get(D_RUNNING_STATS, {})
    means: dict[str, Any] = {name: running[name] for name in LECAM_MEANS if name in running}
    return Critic(lambda images: forward(gan.disc, disc, images, labels)[0], **means)


def _penalties(
    gan: Gan, critic: Critic, real: PackedImages, fake: PackedImages, key: PRNGKey
) -> dict[str, Scalar]:
    """Returns each active penalty by its name, without its weight."""
    root = jax.random.fold_in(key, Stream.PENALTY)
    numbers = {name: index for index, name in enumerate(PENALTIES)}
    own = [name for name, _ in gan.penalties if name not in PENALTIES]
    numbers |= {name: OWN_PENALTIES + index for index, name in enumerate(own)}
    keys = {name: jax.random.fold_in(root, number) for name, number in numbers.items()}
    return {name: find_penalty(name)(critic, real, fake, keys[name]) for name, _ in gan.penalties}


def _due_penalties(
    gan: Gan,
    state: TrainState,
    critic: Critic,
    real: PackedImages,
    fake: PackedImages,
    key: PRNGKey,
) -> dict[str, Scalar]:
    """Returns `_penalties`; with config.penalty.every = n, n times them in every nth step, else 0.

    Karras et al. 2020 (arXiv:1912.04958), section 3.1.
    """
    every = gan.penalty_every
    if every == 1 or not gan.penalties:
        return _penalties(gan, critic, real, fake, key)

    def computed() -> dict[str, Scalar]:
        values = _penalties(gan, critic, real, fake, key)
        return {name: every * value for name, value in values.items()}

    def skipped() -> dict[str, Scalar]:
        return {name: jnp.zeros(()) for name, _ in gan.penalties}

    return jax.lax.cond(state.step % every == 0, computed, skipped)


def _both_logits(
    gan: Gan, disc: Player, real: PackedImages, fake: PackedImages, labels: Labels | None
) -> tuple[Logits, Logits, Params]:
    """Returns D's logits of real and of fake images, and its new statistics.

    One pass computes both if nothing couples the examples of a batch. Two passes are needed if D
    has statistics (batch norm, spectral norm), so that real and fake images are normalised
    separately. With penalties two passes are faster: the compiler merges them with the penalties'
    own passes over the same images.
    """
    if gan.penalties or set(disc.stats) - {D_RUNNING_STATS}:
        real_logits, stats = forward(gan.disc, disc, real, labels)
        fake_logits, stats = forward(gan.disc, disc.replace(stats=stats), fake, labels)
        return real_logits, fake_logits, stats
    both_labels = None if labels is None else jnp.concatenate([labels, labels])
    logits, stats = forward(gan.disc, disc, jnp.concatenate([real, fake]), both_labels)
    real_logits, fake_logits = jnp.split(logits, 2)
    return real_logits, fake_logits, stats


def images_so_far(gan: Gan, state: TrainState) -> Scalar:
    """Returns the number of real images seen before this step."""
    return images_seen(state.step, gan.images_per_step)
