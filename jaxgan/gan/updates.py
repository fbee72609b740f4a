"""One update of a player, a pure function of state, batch and key; the other is left as it was."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxgan.gan.augment import augment
from jaxgan.gan.checksums import tree_checksum
from jaxgan.gan.d_statistics import update_d_statistics
from jaxgan.gan.penalties import PENALTIES, Critic
from jaxgan.gan.sampling import update_latents
from jaxgan.gan.schedules import images_seen
from jaxgan.gan.state import D_RUNNING_STATS, Gan, Player, TrainState, pack, with_labels
from jaxgan.parallel.deterministic_mean import over_shards
from jaxgan.types import (
    Batch,
    Checksum,
    Images,
    Latents,
    Params,
    PRNGKey,
    Scalar,
    StepOutput,
    Stream,
    as_batch,
)


def d_update(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey
) -> tuple[TrainState, StepOutput]:
    """One discriminator update against the generator as it is; no leaf of the generator changes.

    Losses and penalties are of the images as D sees them: augmented, and packed. Of a
    class-conditional GAN `real` has labels, which the generated images share one by one.
    """
    z = update_latents(gan, len(as_batch(real).images), key)
    return d_update_and_gradients(gan, state, real, key, z)[:2]


def g_update(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey
) -> tuple[TrainState, StepOutput]:
    """One generator update against the discriminator as it is; no leaf of that changes."""
    z = update_latents(gan, len(as_batch(real).images), key)
    return g_update_and_gradients(gan, state, real, key, z)[:2]


def d_update_and_gradients(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey, z: Latents
) -> tuple[TrainState, StepOutput, Params]:
    """`d_update` with these latents, and the gradients that it gave to the optimiser."""
    found, stats = _sharded_gradients(gan, _d_gradients, state, key, as_batch(real), z)
    grads, total, metrics = found
    disc, norm, skipped, mark = apply_gradients(state.disc, gan.disc_tx, grads, stats, total)
    metrics |= {"disc/grad_norm": norm, "disc/skipped": skipped}
    return state.replace(disc=disc), StepOutput(metrics, {"disc_grads": mark}), grads


def _d_gradients(gan, state, key, batch, z):
    """((gradients, what they are of, metrics), new stats) of D."""
    images, labels = batch
    generated, _ = forward(gan.gen, state.gen.params, state.gen.stats, z, labels)
    real, fake = augment_and_pack(gan, state, images, jax.lax.stop_gradient(generated), key)

    def loss_fn(params):
        real_logits, fake_logits, stats = _both_logits(
            gan, params, state.disc.stats, real, fake, labels
        )
        loss = gan.loss.disc(real_logits, fake_logits)
        found = _penalties(gan, params, state.disc.stats, real, fake, labels, key)
        total = loss + penalty_factor(gan, state) * sum(w * found[n] for n, w in gan.penalties)
        metrics = {
            "disc/loss": loss,
            "disc/logit_real": jnp.mean(real_logits),
            "disc/logit_fake": jnp.mean(fake_logits),
            "disc/prob_real": jnp.mean(jax.nn.sigmoid(real_logits)),
            "disc/prob_fake": jnp.mean(jax.nn.sigmoid(fake_logits)),
            **{f"disc/{name}": value for name, value in found.items()},
        }
        return total, (update_d_statistics(gan, stats, real_logits, fake_logits), total, metrics)

    grads, (stats, total, metrics) = jax.grad(loss_fn, has_aux=True)(state.disc.params)
    return (grads, total, metrics), stats


def g_update_and_gradients(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey, z: Latents
) -> tuple[TrainState, StepOutput, Params]:
    """`g_update` with these latents, and the gradients that it gave to the optimiser."""
    (grads, metrics), stats = _sharded_gradients(gan, _g_gradients, state, key, as_batch(real), z)
    loss = metrics["gen/loss"]
    gen, norm, skipped, mark = apply_gradients(state.gen, gan.gen_tx, grads, stats, loss)
    metrics |= {"gen/grad_norm": norm, "gen/skipped": skipped}
    return state.replace(gen=gen), StepOutput(metrics, {"gen_grads": mark}), grads


def _g_gradients(gan, state, key, batch, z):
    """((gradients, metrics), new stats) of G."""
    images, labels = batch
    logits = functools.partial(forward, gan.disc, state.disc.params, state.disc.stats)

    def loss_fn(params):
        fake, stats = forward(gan.gen, params, state.gen.stats, z, labels)
        seen_real, seen_fake = augment_and_pack(gan, state, images, fake, key)
        real_logits, _ = logits(seen_real, labels)
        fake_logits, _ = logits(seen_fake, labels)
        loss = gan.loss.gen(real_logits, fake_logits)
        return loss, (stats, {"gen/loss": loss})

    grads, (stats, metrics) = jax.grad(loss_fn, has_aux=True)(state.gen.params)
    return (grads, metrics), stats


def _sharded_gradients(
    gan: Gan, gradients: Callable, state: TrainState, key: PRNGKey, batch: Batch, z
):
    """`gradients` of a whole batch, or their mean over its virtual shards.

    Each shard draws for itself what is drawn besides latents.
    """
    if not gan.shards:
        return gradients(gan, state, key, batch, z)

    def of_shard(whole, part):
        state, key = whole
        place, batch, z = part
        return gradients(gan, state, jax.random.fold_in(key, place[0]), batch, z)

    parts = (jnp.arange(gan.shards), batch, z)
    return over_shards(of_shard, gan.shards, gan.mesh, (state, key), parts)


def forward(module, params, stats, inputs, labels=None):
    """(outputs, new stats) of a network in training."""
    variables = {"params": params, **stats}
    outputs, updated = module.apply(
        variables, inputs, True, *with_labels(labels), mutable=list(stats)
    )
    return outputs, {**stats, **updated}


def apply_gradients(
    player: Player, tx, grads, stats, loss: Scalar
) -> tuple[Player, Scalar, Scalar, Checksum]:
    """The player after one optimiser update, or as it was if loss or gradients are not finite.

    Also returns the gradients' norm, 1.0 if the update was skipped, else 0.0, and the gradients'
    fingerprint.
    """
    norm = optax.tree.norm(grads)
    finite = jnp.isfinite(loss) & jnp.isfinite(norm)

    def update():
        updates, opt_state = tx.update(grads, player.opt_state, player.params)
        return Player(optax.apply_updates(player.params, updates), stats, opt_state)

    def branch():
        return jax.lax.cond(finite, update, lambda: player)

    def select():
        return jax.tree.map(functools.partial(jnp.where, finite), update(), player)

    # On CPU the select costs a tenth of the step; elsewhere a branch makes the device wait.
    kept = jax.lax.platform_dependent(cpu=branch, default=select)
    return kept, norm, 1.0 - finite.astype(jnp.float32), tree_checksum(grads)


def augment_and_pack(
    gan: Gan, state: TrainState, real: Images, fake: Images, key: PRNGKey
) -> tuple[jax.Array, jax.Array]:
    """Both as D sees them. D's update and G's make the same draws, as they do of latents."""
    if gan.augment.policy:
        tracked = state.disc.stats.get(D_RUNNING_STATS, {})
        probability = tracked.get("probability", gan.augment.probability)
        if gan.augment_factor:
            probability = probability * gan.augment_factor(images_so_far(gan, state))
        real_key, fake_key = jax.random.split(jax.random.fold_in(key, Stream.AUGMENT))
        real = augment(real, real_key, gan.augment.policy, probability)
        fake = augment(fake, fake_key, gan.augment.policy, probability)
    return pack(real, gan.packing), pack(fake, gan.packing)


def penalty_factor(gan: Gan, state: TrainState) -> Scalar | float:
    return gan.penalty_factor(images_so_far(gan, state)) if gan.penalty_factor else 1.0


def _penalties(gan, params, stats, real, fake, labels, key):
    """Each penalty of the config, without its weight."""
    means = {
        name: value for name, value in stats.get(D_RUNNING_STATS, {}).items() if "mean" in name
    }
    critic = Critic(lambda images: forward(gan.disc, params, stats, images, labels)[0], **means)
    places = {name: place for place, name in enumerate(PENALTIES)}
    own_key = functools.partial(jax.random.fold_in, jax.random.fold_in(key, Stream.PENALTY))
    return {
        name: PENALTIES[name](critic, real, fake, own_key(places[name]))
        for name, _ in gan.penalties
    }


def _both_logits(gan, params, stats, real, fake, labels):
    """D's logits of the real and of the fake images, and its new stats.

    One pass over both where nothing couples the examples of a batch. A pass each with stats
    (batch norm, spectral norm), so that real and fake are normalised apart; and with penalties,
    whose own passes over the real, and without stats over the fake, the compiler then finds to be
    the same.
    """
    if gan.penalties or set(stats) - {D_RUNNING_STATS}:
        real_logits, stats = forward(gan.disc, params, stats, real, labels)
        fake_logits, stats = forward(gan.disc, params, stats, fake, labels)
        return real_logits, fake_logits, stats
    both = None if labels is None else jnp.concatenate([labels, labels])
    logits, stats = forward(gan.disc, params, stats, jnp.concatenate([real, fake]), both)
    return *jnp.split(logits, 2), stats


def images_so_far(gan: Gan, state: TrainState) -> Scalar:
    return images_seen(state.step, gan.images_per_step)
