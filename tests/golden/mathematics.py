"""A few numbers that tell what each choice computes, tied to the version of its mathematics.

    python -m tests.golden.mathematics    # after `VERSIONS` in jaxgan/config/choices.py was raised

Numbers are compared to a tolerance: another order of the same sums is not other mathematics.
"""

import dataclasses
import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config import choices
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import (
    AdamConfig,
    AugmentConfig,
    Config,
    EmaConfig,
    OptimizerConfig,
    PenaltyConfig,
    ScheduleConfig,
    TrainConfig,
)
from jaxgan.data import epoch_order
from jaxgan.gan.augment import AUGMENTATIONS
from jaxgan.gan.d_statistics import update_d_statistics
from jaxgan.gan.losses import LOSSES, smooth_labels
from jaxgan.gan.penalties import PENALTIES, Critic
from jaxgan.gan.state import D_RUNNING_STATS, build_gan, init_state
from jaxgan.gan.steps import train_epoch
from jaxgan.networks import NETWORKS

FILE = Path(__file__).parent / "mathematics.json"
WIDTHS = {"gen_widths": (8,), "disc_widths": (8,)}
CHANNELS = {"gen_channels": 8, "disc_channels": 8}
SIZES = {
    "mlp": WIDTHS,
    "dcgan": CHANNELS,
    "sngan": CHANNELS,
    "r3gan": CHANNELS | {"blocks": 1},
    "infogan": WIDTHS | CHANNELS,
}
RAISED = "raise its version in VERSIONS (jaxgan/config/choices.py)"


def summary(array):
    """The sum of an array with the weights cos(0), cos(1), ..., over the root of its size."""
    flat = np.asarray(array, np.float64).reshape(-1)
    return float(flat @ np.cos(np.arange(flat.size)) / np.sqrt(flat.size))


def images(side=20, count=8, seed=0, channels=3):
    shape = (count, side, side, channels)
    return jnp.asarray(np.random.RandomState(seed).uniform(-1, 1, shape), jnp.float32)


def logits(seed):
    return jnp.asarray(np.random.RandomState(seed).standard_normal(16), jnp.float32)


def network(name):
    """The images of a new conditional generator, and their logits."""
    config = NetworkConfig(name=name, latent_size=6, conditional=True, **SIZES[name])
    gen, disc = NETWORKS[name](config, (28, 28, 1), 3)
    z = jnp.asarray(np.random.RandomState(0).standard_normal((4, 6)), jnp.float32)
    labels = jnp.array([0, 1, 2, 0])

    @jax.jit
    def run():
        fake, _ = gen.init_with_output(jax.random.key(1), z, True, labels)
        return fake, disc.init_with_output(jax.random.key(2), fake, True, labels)[0]

    return [summary(array) for array in run()]


def loss(name):
    real, fake = logits(1), logits(2)
    smooth = choices.LOSSES[name].has_targets
    used = smooth_labels(LOSSES[name], 0.1) if smooth else LOSSES[name]
    values = [used.disc(real, fake), used.gen(real, fake), used.real_margin(real, fake)]
    return [summary(value) for value in values]


def penalty(name):
    weights = images(count=1, seed=3)
    critic = Critic(lambda x: jnp.tanh(x * weights).sum((1, 2, 3)), 0.5, -0.5)
    return [summary(PENALTIES[name](critic, images(), images(seed=1), jax.random.key(0)))]


def lecam():
    """The penalty, and the running means that it takes, after two updates."""
    gan = tiny_gan(penalty=PenaltyConfig(lecam=1.0))
    zeros = {"mean_real": jnp.zeros(()), "mean_fake": jnp.zeros(())}
    stats = {D_RUNNING_STATS: zeros}
    for seed in (1, 3):
        stats = update_d_statistics(gan, stats, logits(seed), logits(seed + 1))
    return [*penalty("lecam"), *(float(mean) for mean in stats[D_RUNNING_STATS].values())]


def ada():
    """The probability after an update with each of two losses, whose margins are different."""
    values = []
    for name in ("least_squares", "relativistic"):
        augment = AugmentConfig(policy=("mirror",), target=0.2, adapt_images=100)
        gan = tiny_gan(augment=augment, loss=name)
        stats = {D_RUNNING_STATS: {"probability": jnp.full((), 0.5)}}
        stats = update_d_statistics(gan, stats, logits(1) + 0.5, logits(2))
        values.append(float(stats[D_RUNNING_STATS]["probability"]))
    return values


def augmentation(name):
    return [summary(AUGMENTATIONS[name](images(), jax.random.key(0)))]


def tiny_gan(**settings):
    size = NetworkConfig(latent_size=5, gen_widths=(7,), disc_widths=(6,))
    return build_gan(dataclasses.replace(Config(), network=size, **settings), (6, 6, 1))


def steps():
    """The parts of a state after four steps that use what all choices share."""
    adam = AdamConfig(learning_rate=0.01, b1=0.5, clip_norm=0.1)
    gan = tiny_gan(
        penalty=PenaltyConfig(consistency=0.1),
        augment=AugmentConfig(policy=("brightness", "mirror"), probability=0.5),
        packing=2,
        optimizer=OptimizerConfig(gen=adam, disc=dataclasses.replace(adam, clip_weights=0.3)),
        schedule=ScheduleConfig(learning_rate=((0, 1.0), (64, 0.1)), ema=((0, 0.5), (64, 1.0))),
        train=TrainConfig(batch_size=8, d_steps=2),
        ema=EmaConfig(half_life=32),
    )
    pixels = np.random.RandomState(0).randint(0, 256, (64, 6, 6, 1)).astype(np.uint8)
    order = jnp.arange(64, dtype=jnp.int32).reshape(4, 16)
    state = init_state(gan, (6, 6, 1), jax.random.key(0))
    state, _ = train_epoch(gan, state, jnp.asarray(pixels), order)
    parts = (state.gen.params, state.disc.params, state.ema_params, state.disc.opt_state)
    leaves = [np.concatenate([np.ravel(x) for x in jax.tree.leaves(part)]) for part in parts]
    return [summary(part) for part in leaves]


def order_of_examples():
    return [float(index) for index in epoch_order(jax.random.key(5), 3, 50, 4)[7]]


def choices_of(kind, values, names):
    return {f"{kind} {name}": functools.partial(values, name) for name in names}


VALUES = {
    "steps": steps,
    "order of examples": order_of_examples,
    **choices_of("network", network, choices.NETWORKS),
    **choices_of("loss", loss, choices.LOSSES),
    **choices_of("penalty", penalty, choices.PENALTIES),
    "penalty lecam": lecam,
    **choices_of("augmentation", augmentation, choices.AUGMENTATIONS),
    "ada": ada,
}


def check(name, recorded, values):
    """Raises AssertionError if the values are others, though the version is the recorded one."""
    version = choices.VERSIONS.get(name, 1)
    same = len(values) == len(recorded["values"]) and np.allclose(
        values, recorded["values"], rtol=2e-4, atol=2e-5
    )
    assert same or version > recorded["version"], f"{name} computes something else: {RAISED}"
    return same


def main():
    old = json.loads(FILE.read_text()) if FILE.exists() else {}
    new = {}
    for name, compute in VALUES.items():
        values = compute()
        # An unchanged choice keeps its digits, so that the difference shows what has changed.
        if name in old and check(name, old[name], values):
            values = old[name]["values"]
        new[name] = {"version": choices.VERSIONS.get(name, 1), "values": values}
    FILE.write_text(json.dumps(new, indent=2) + "\n")


if __name__ == "__main__":
    main()
