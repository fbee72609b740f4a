"""One update of a player, a pure function of state, batch and key; the other is left as it was."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxgan.anneal import images_seen
from jaxgan.augment import augmented
from jaxgan.fingerprints import Mark, tree_fingerprint
from jaxgan.penalties import PENALTIES, Critic
from jaxgan.sampling import update_latents
from jaxgan.shards import batch_mean, over_shards
from jaxgan.state import TRACKED, Gan, Player, TrainState, packed, with_labels
from jaxgan.types import (
    Batch,
    Images,
    Latents,
    Metrics,
    Params,
    PRNGKey,
    Scalar,
    Stream,
    as_batch,
)

LECAM_DECAY = 0.99  # Tseng et al. 2021 (arXiv:2104.03310), section 5


def d_update(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey
) -> tuple[TrainState, Metrics]:
    """One discriminator update against the generator as it is; no leaf of the generator changes.

    Losses and penalties are of the images as D sees them: augmented, and packed. Of a
    class-conditional GAN `real` has labels, which the generated images share one by one.
    """
    z = update_latents(gan, len(as_batch(real).images), key)
    return d_update_and_gradients(gan, state, real, key, z)[:2]


def g_update(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey
) -> tuple[TrainState, Metrics]:
    """One generator update against the discriminator as it is; no leaf of that changes."""
    z = update_latents(gan, len(as_batch(real).images), key)
    return g_update_and_gradients(gan, state, real, key, z)[:2]


def d_update_and_gradients(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey, z: Latents
) -> tuple[TrainState, Metrics, Params]:
    """`d_update` with these latents, and the gradients that it gave to the optimiser."""
    found, stats = _of_batch(gan, _d_gradients, state, key, as_batch(real), z)
    grads, total, metrics = found
    disc, norm, skipped, mark = apply_gradients(state.disc, gan.disc_tx, grads, stats, total)
    metrics |= {"disc/grad_norm": norm, "disc/skipped": skipped, "ledger/disc_grads": mark}
    return state.replace(disc=disc), metrics, grads


def _d_gradients(gan, state, key, batch, z):
    """((gradients, what they are of, metrics), new stats) of D."""
    images, labels = batch
    generated, _ = forward(gan.gen, state.gen.params, state.gen.stats, z, labels)
    real, fake = as_seen(gan, state, images, jax.lax.stop_gradient(generated), key)

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
        return total, (_track(gan, stats, real_logits, fake_logits), total, metrics)

    grads, (stats, total, metrics) = jax.grad(loss_fn, has_aux=True)(state.disc.params)
    return (grads, total, metrics), stats


def g_update_and_gradients(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey, z: Latents
) -> tuple[TrainState, Metrics, Params]:
    """`g_update` with these latents, and the gradients that it gave to the optimiser."""
    (grads, metrics), stats = _of_batch(gan, _g_gradients, state, key, as_batch(real), z)
    loss = metrics["gen/loss"]
    gen, norm, skipped, mark = apply_gradients(state.gen, gan.gen_tx, grads, stats, loss)
    metrics |= {"gen/grad_norm": norm, "gen/skipped": skipped, "ledger/gen_grads": mark}
    return state.replace(gen=gen), metrics, grads


def _g_gradients(gan, state, key, batch, z):
    """((gradients, metrics), new stats) of G."""
    images, labels = batch
    logits = functools.partial(forward, gan.disc, state.disc.params, state.disc.stats)

    def loss_fn(params):
        fake, stats = forward(gan.gen, params, state.gen.stats, z, labels)
        seen_real, seen_fake = as_seen(gan, state, images, fake, key)
        real_logits, _ = logits(seen_real, labels)
        fake_logits, _ = logits(seen_fake, labels)
        loss = gan.loss.gen(real_logits, fake_logits)
        return loss, (stats, {"gen/loss": loss})

    grads, (stats, metrics) = jax.grad(loss_fn, has_aux=True)(state.gen.params)
    return (grads, metrics), stats


def _of_batch(gan: Gan, gradients: Callable, state: TrainState, key: PRNGKey, batch: Batch, z):
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
) -> tuple[Player, Scalar, Scalar, Mark]:
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
    return kept, norm, 1.0 - finite.astype(jnp.float32), tree_fingerprint(grads)


def as_seen(
    gan: Gan, state: TrainState, real: Images, fake: Images, key: PRNGKey
) -> tuple[jax.Array, jax.Array]:
    """Both as D sees them. D's update and G's make the same draws, as they do of latents."""
    if gan.augment.policy:
        tracked = state.disc.stats.get(TRACKED, {})
        probability = tracked.get("probability", gan.augment.probability)
        if gan.augment_factor:
            probability = probability * gan.augment_factor(images_so_far(gan, state))
        real_key, fake_key = jax.random.split(jax.random.fold_in(key, Stream.AUGMENT))
        real = augmented(real, real_key, gan.augment.policy, probability)
        fake = augmented(fake, fake_key, gan.augment.policy, probability)
    return packed(real, gan.packing), packed(fake, gan.packing)


def penalty_factor(gan: Gan, state: TrainState) -> Scalar | float:
    return gan.penalty_factor(images_so_far(gan, state)) if gan.penalty_factor else 1.0


def _penalties(gan, params, stats, real, fake, labels, key):
    """Each penalty of the config, without its weight."""
    means = {name: value for name, value in stats.get(TRACKED, {}).items() if "mean" in name}
    critic = Critic(lambda images: forward(gan.disc, params, stats, images, labels)[0], **means)
    places = {name: place for place, name in enumerate(PENALTIES)}
    own_key = functools.partial(jax.random.fold_in, jax.random.fold_in(key, Stream.PENALTY))
    return {
        name: PENALTIES[name](critic, real, fake, own_key(places[name]))
        for name, _ in gan.penalties
    }


def _track(gan, stats, real_logits, fake_logits):
    """D's stats with the running means of its logits, which start at those of the first update,
    and the adapted probability, if kept."""
    if TRACKED not in stats:
        return stats
    tracked = dict(stats[TRACKED])
    sides = {"mean_real": real_logits, "mean_fake": fake_logits}
    kept = [tracked[name] for name in sides if name in tracked]
    decay = jnp.where(sum(map(jnp.abs, kept)) == 0, 0.0, LECAM_DECAY)
    for name, logits in sides.items():
        if name in tracked:
            mean = jax.lax.stop_gradient(batch_mean(logits))
            tracked[name] = decay * tracked[name] + (1 - decay) * mean
    if "probability" in tracked:
        # Karras et al. 2020 (arXiv:2006.06676), section 3: r_t, the mean sign of the real logits;
        # of losses with another threshold than zero, of their distance from that.
        sure = batch_mean(jnp.sign(gan.loss.verdict(real_logits, fake_logits)))
        direction = jnp.sign(sure - gan.augment.target)
        images = len(real_logits) * gan.packing * max(gan.shards, 1)
        change = direction * images / gan.augment.adapt_images
        tracked["probability"] = jnp.clip(tracked["probability"] + change, 0.0, 1.0)
    return {**stats, TRACKED: tracked}


def _both_logits(gan, params, stats, real, fake, labels):
    """D's logits of the real and of the fake images, and its new stats.

    One pass over both where nothing couples the examples of a batch. A pass each with stats
    (batch norm, spectral norm), so that real and fake are normalised apart; and with penalties,
    whose own passes over the real, and without stats over the fake, the compiler then finds to be
    the same.
    """
    if gan.penalties or set(stats) - {TRACKED}:
        real_logits, stats = forward(gan.disc, params, stats, real, labels)
        fake_logits, stats = forward(gan.disc, params, stats, fake, labels)
        return real_logits, fake_logits, stats
    both = None if labels is None else jnp.concatenate([labels, labels])
    logits, stats = forward(gan.disc, params, stats, jnp.concatenate([real, fake]), both)
    return *jnp.split(logits, 2), stats


def images_so_far(gan: Gan, state: TrainState) -> Scalar:
    return images_seen(state.step, gan.images_per_step)
