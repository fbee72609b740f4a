"""The exponential moving average (EMA) of the generator's weights."""

from typing import Any

import jax.numpy as jnp
import optax

from jaxgan.gan.state import Gan, TrainState
from jaxgan.gan.updates import images_so_far
from jaxgan.types import Params


def update_ema(gan: Gan, state: TrainState) -> Params:
    """Returns the exponential moving average of G's weights; it is empty if none is kept."""
    if not gan.ema_half_life:
        return state.ema_params
    half_life: Any = gan.ema_half_life
    if gan.ema_schedule:
        factor = gan.ema_schedule(images_so_far(gan, state))
        half_life = jnp.maximum(gan.ema_half_life * factor, 1e-6)
    decay = 0.5 ** (gan.images_per_step / half_life)
    return optax.incremental_update(state.gen.params, state.ema_params, 1 - decay)
