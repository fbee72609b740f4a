"""Paths of latents: from one to the next on great circles, and along a direction.

A frame is a batch of latents, one for each image that is shown at a time.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgan.types import Latents, Scalar

Anchors = Float[Array, "anchors batch latent"]
Frames = Float[Array, "frames batch latent"]
NO_ARC = 1e-3  # sine of an angle below which the arc is as good as straight, or has no direction


def slerp(start: Latents, end: Latents, t: float | Scalar) -> Latents:
    """Returns latents on the arcs between two batches (White 2016, arXiv:1609.04468, section 2.1).

    Normal latents lie near a sphere. These arcs stay near it; straight lines would leave it.

    Args:
      t: 0 for the starts of the arcs, 1 for their ends.
    """
    cosine = jnp.sum(_normalize(start) * _normalize(end), axis=-1, keepdims=True)
    angle = jnp.arccos(jnp.clip(cosine, -1, 1))
    # Equal directions have no arc between them, opposite ones have no particular one.
    straight = jnp.sin(angle) < NO_ARC
    sine = jnp.where(straight, 1.0, jnp.sin(angle))
    start_weight = jnp.where(straight, 1 - t, jnp.sin((1 - t) * angle) / sine)
    end_weight = jnp.where(straight, t, jnp.sin(t * angle) / sine)
    return start_weight * start + end_weight * end


def path_through(anchors: Anchors, frames: int) -> Frames:
    """Returns a path from the first batch of latents through all others to the last.

    Args:
      frames: at least 2; the first and the last are the ends.
    """
    return _frames_at(anchors, jnp.linspace(0, len(anchors) - 1, frames))


def loop_through(anchors: Anchors, frames: int) -> Frames:
    """Returns a closed path through batches of latents, which begins at the first.

    The frame after the last one would be the first again.
    """
    return _frames_at(anchors, jnp.arange(frames) * len(anchors) / frames)


def loop_along(
    z: Latents, direction: Float[Array, " latent"], extent: float, frames: int
) -> Frames:
    """Moves latents along a direction, to `extent` on both sides and back to where they were.

    The speed is that of a pendulum, so that the loop has no jerk.

    Args:
      direction: of length 1, as in `latent_directions`; the standard deviation of the latents along
        it is 1.
    """
    return shift_along(z, direction, extent * jnp.sin(2 * jnp.pi * jnp.arange(frames) / frames))


def shift_along(
    z: Latents, direction: Float[Array, " latent"], offsets: Float[Array, " frames"]
) -> Frames:
    """Returns the latents at each distance from where they are, along a direction."""
    return z[None] + offsets[:, None, None] * direction[None, None]


def _frames_at(anchors: Anchors, positions: Float[Array, " frames"]) -> Frames:
    """Returns the latents at fractional indices of the anchors; after the last is the first."""
    before = jnp.floor(positions).astype(jnp.int32)
    start, end = anchors[before % len(anchors)], anchors[(before + 1) % len(anchors)]
    return jax.vmap(slerp)(start, end, positions - before)


def _normalize(z: Latents) -> Latents:
    # A latent of zeros has no direction, and must not become NaN.
    return z / jnp.maximum(jnp.linalg.norm(z, axis=-1, keepdims=True), 1e-12)
