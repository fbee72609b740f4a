"""Quantities that change over training, as functions of the images seen."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxgan.config.fields import SchedulePoints
from jaxgan.types import Array, Scalar

Schedule = Callable[[Float[Array, "..."]], Float[Array, "..."]]


def piecewise_schedule(points: SchedulePoints, shape: str) -> Schedule:
    """The value at each number of images: constant before the first point and after the last.

    Between two points it goes along a straight line ("linear") or along half a cosine wave, flat
    at both ends ("cosine": Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5).
    """
    # Of the host: what is traced around an array of a device is first fetched from there.
    images = np.array([place for place, _ in points], np.float32)
    values = np.array([value for _, value in points], np.float32)

    def value_at(seen: Float[Array, "..."]) -> Float[Array, "..."]:
        if shape == "linear" or len(points) == 1:
            return jnp.interp(seen, images, values)
        place = jnp.interp(seen, images, jnp.arange(len(points), dtype=jnp.float32))
        before = jnp.clip(jnp.floor(place), 0, len(points) - 2).astype(jnp.int32)
        share = (1 - jnp.cos(jnp.pi * (place - before))) / 2
        low, high = jnp.asarray(values)[before], jnp.asarray(values)[before + 1]
        return low + share * (high - low)

    return value_at


def images_seen(updates: Array, images_per_update: int) -> Scalar:
    """As float32, which counts past 2^31."""
    return jnp.asarray(updates).astype(jnp.float32) * float(images_per_update)
