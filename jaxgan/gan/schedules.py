"""Schedules: quantities that change over training, as functions of the number of images seen."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxgan.config.errors import UserError
from jaxgan.config.fields import SchedulePoints
from jaxgan.config.schema import ScheduleConfig
from jaxgan.types import Array, Counter, Scalar

Schedule = Callable[[Float[Array, "..."]], Float[Array, "..."]]


def piecewise_schedule(points: SchedulePoints, shape: str) -> Schedule:
    """Returns a schedule through (images, value) points; it is constant outside their range.

    Args:
      shape: "linear" joins two points by a straight line, "cosine" by half a cosine wave, which is
        flat at both ends (Loshchilov & Hutter 2017, arXiv:1608.03983, equation 5).
    """
    # On the host, because tracing would first fetch a constant that is on a device.
    images = np.array([images for images, _ in points], np.float32)
    values = np.array([value for _, value in points], np.float32)

    def value_at(seen: Float[Array, "..."]) -> Float[Array, "..."]:
        if shape == "linear" or len(points) == 1:
            return jnp.interp(seen, images, values)
        position = jnp.interp(seen, images, jnp.arange(len(points), dtype=jnp.float32))
        before = jnp.clip(jnp.floor(position), 0, len(points) - 2).astype(jnp.int32)
        share = (1 - jnp.cos(jnp.pi * (position - before))) / 2
        low, high = jnp.asarray(values)[before], jnp.asarray(values)[before + 1]
        return low + share * (high - low)

    return value_at


def schedule_in_images(config: ScheduleConfig, images: int) -> ScheduleConfig:
    """Returns the same schedules in numbers of images, if they are in fractions of the run.

    Args:
      images: number of images in the run; 0 if it is not known.

    Raises:
      UserError: the schedules are in fractions of a run whose length is not known.
    """
    if config.unit == "images":
        return config
    if config.points and not images:
        raise UserError(
            "config.schedule.unit = 'run': needs the number of images in the run, as in "
            "build_gan(..., images=N)"
        )
    scaled: dict[str, Any] = {
        name: tuple((fraction * images, value) for fraction, value in points)
        for name, points in config.points.items()
    }
    return dataclasses.replace(config, unit="images", **scaled)


def images_seen(updates: Counter, images_per_update: int) -> Scalar:
    """Returns the number of images seen, as float32, which counts past 2^31."""
    return jnp.asarray(updates).astype(jnp.float32) * float(images_per_update)
