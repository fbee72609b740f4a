"""The optimizer of one player, as an optax chain."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgan.config.fields import SchedulePoints
from jaxgan.config.schema import AdamConfig, ScheduleConfig
from jaxgan.gan.schedules import images_seen, piecewise_schedule
from jaxgan.types import Params


def make_optimizer(
    config: AdamConfig, schedule: ScheduleConfig, images_per_update: int
) -> optax.GradientTransformation:
    """Builds Adam, with clipping of gradients before and of weights after it if configured.

    Adam: Kingma & Ba 2015; epsilon is added outside the root, as in the paper and in PyTorch.
    Schedules count the player's own updates; skipped ones do not count.
    """

    def by_update(points: SchedulePoints) -> Callable[[Any], Any]:
        value = piecewise_schedule(points, schedule.shape)
        return lambda count: value(images_seen(count, images_per_update))

    rate: Any = config.learning_rate
    if schedule.learning_rate:
        factor = by_update(schedule.learning_rate)
        rate = lambda count: config.learning_rate * factor(count)  # noqa: E731
    if schedule.b1 or schedule.b2:
        b1: Any = by_update(schedule.b1) if schedule.b1 else config.b1
        b2: Any = by_update(schedule.b2) if schedule.b2 else config.b2
        adam = optax.inject_hyperparams(optax.adam)(rate, b1, b2, config.eps)
    else:
        adam = optax.adam(rate, config.b1, config.b2, config.eps)
    parts = [adam]
    if config.clip_norm:
        parts.insert(0, optax.clip_by_global_norm(config.clip_norm))
    if config.clip_weights:
        parts.append(clip_weights(config.clip_weights))
    return optax.chain(*parts) if len(parts) > 1 else adam


def clip_weights(bound: float) -> optax.GradientTransformation:
    """Keeps every weight in [-bound, bound], to rounding; must be the last part of a chain.

    Arjovsky et al. 2017 (arXiv:1701.07875), algorithm 1.
    """

    def update(
        updates: Params, state: optax.EmptyState, params: Params | None = None
    ) -> tuple[Params, optax.EmptyState]:
        return jax.tree.map(lambda u, p: jnp.clip(p + u, -bound, bound) - p, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
