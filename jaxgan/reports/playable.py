"""A generator small enough for a page: its layers, and the latents that the page begins with."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.directions import latent_directions
from jaxgan.gan.sampling import cycled_labels, sample_latents, sample_pixels
from jaxgan.gan.state import Gan
from jaxgan.reports.generator_encoding import encode_arrays, encode_layers, round_kernels
from jaxgan.reports.generator_layers import generator_layers
from jaxgan.reports.generators import page_key
from jaxgan.types import Latents, Params

WEIGHTS = 5_500_000  # characters that the weights may take in a page, which stays below 8 MB
SMALL = 500_000  # weights of this size are never rounded
MULTIPLICATIONS = 50_000_000  # in one image; a browser computes some hundred millions in a second
SAMPLES, POINTS = 8, 1000  # the first samples of the run, which the page begins with
DIRECTIONS = 10
REACH = 4.0  # how far the page moves latents along a direction; their standard deviation is 1


@dataclasses.dataclass(frozen=True)
class Playable:
    """A generator that a page can compute, with the variables that its layers were made of.

    Attributes:
      layers: as `encode_layers` encodes them.
      directions: unit vectors (directions, latent size), the strongest first.
      half: whether its kernels are rounded to float16, since the page would be too large otherwise.
    """

    gan: Gan
    params: Params
    stats: Params
    layers: dict[str, Any]
    directions: np.ndarray
    half: bool

    @functools.cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image, or of one point."""
        z = jax.ShapeDtypeStruct((1, self.gan.latent_size), np.float32)
        labels = jax.ShapeDtypeStruct((1,), np.int32) if self.gan.classes else None
        variables = {"params": self.params, **self.stats}
        images = jax.eval_shape(
            lambda z, labels: self.gan.gen.apply(variables, z, False, labels), z, labels
        )
        return images.shape[1:]


@dataclasses.dataclass
class Room:
    """The room for weights in a page, in characters, which the generators of its runs share.

    Attributes:
      left: what those before have left.
      exact: size from which weights are rounded to float16.
    """

    left: float = WEIGHTS
    exact: float = WEIGHTS


def room_for(runs: int) -> Room:
    """Returns the room of a page of so many runs."""
    # Exact weights of one run could leave no room for those of another.
    return Room() if runs == 1 else Room(exact=SMALL)


def fit_into_page(gan: Gan, params: Params, stats: Params, room: Room) -> Playable:
    """Returns the generator with weights that fit into a page, and takes their part of its room.

    Args:
      params, stats: of the generator, as `inference_variables` returns them.

    Raises:
      UserError: it is too large, or its network is not one of jaxgan's.
    """
    layers = generator_layers(gan, params, stats)
    count = sum(layer.multiplications for layer in layers)
    if count > MULTIPLICATIONS:
        raise _too_large(
            f"an image takes {count / 1e6:.0f} million multiplications, of at most "
            f"{MULTIPLICATIONS / 1e6:.0f}"
        )
    encoded = encode_layers(layers, half=False)
    half = len(encoded["content"]) > room.exact
    if half:
        params = round_kernels(params)
        encoded = encode_layers(generator_layers(gan, params, stats), half)
    if (size := len(encoded["content"])) > room.left:
        left = f"the page has {room.left / 1e6:.1f} MB left for them"
        raise _too_large(f"its weights take {size / 1e6:.1f} MB, and {left}")
    room.left -= size
    directions = latent_directions(gan, params).vectors[:DIRECTIONS]
    return Playable(gan, params, stats, encoded, directions, half)


def _too_large(reason: str) -> UserError:
    return UserError(
        f"The generator is too large for this page: {reason}. `jaxgan export` writes it for other "
        "programs."
    )


def rounding_error(playable: Playable, params: Params) -> int:
    """Returns the largest change of a grey level, in the first samples, by rounded weights.

    Args:
      params: the weights before they were rounded.
    """
    key = page_key(0)
    samples = [
        np.asarray(sample_pixels(playable.gan, weights, playable.stats, SAMPLES, key), np.int16)
        for weights in (params, playable.params)
    ]
    return int(np.abs(samples[0] - samples[1]).max())


def encode_playable(playable: Playable, real: np.ndarray) -> dict[str, Any]:
    """Returns what `playground.js` reads, as values for JSON.

    Args:
      real: points (n, 2) to show behind the generated ones; none for images.
    """
    gan, shape = playable.gan, playable.shape
    z = first_latents(gan, shape)
    labels = cycled_labels(gan, len(z))
    return {
        "latent_size": gan.latent_size,
        "shape": shape,
        "labels": [] if labels is None else labels.tolist(),
        "names": direction_names(playable),
        "reach": REACH,
        "weights": playable.layers,
        "extra": encode_arrays(
            {"latents": np.asarray(z), "directions": playable.directions, "real": real}
        ),
    }


def first_latents(gan: Gan, shape: tuple[int, ...]) -> Latents:
    """Returns the first latents of `sample --seed 0`."""
    return sample_latents(gan, SAMPLES if len(shape) == 3 else POINTS, page_key(0))


def direction_names(playable: Playable) -> list[str]:
    """Returns names with the numbers that `animate --direction` takes."""
    return [f"direction {index}" for index in range(len(playable.directions))]
