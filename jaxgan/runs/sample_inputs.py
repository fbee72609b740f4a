"""The latents and labels of samples that a user asks for."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.gan.sampling import latents_of_seed
from jaxgan.gan.state import Gan
from jaxgan.gan.walks import path_through
from jaxgan.runs.class_labels import class_numbers, labels_in_turn
from jaxgan.types import Labels, Latents

COLUMNS = 8  # images in each row of an interpolation


@dataclasses.dataclass(frozen=True)
class SampleChoices:
    """The latents and labels of samples, beside those of a seed in turn.

    Attributes:
      labels: the classes to generate, in turn, by name or number; () for all classes.
      per_class: images of each class, one after the other, in place of the classes in turn; 0: off.
      interpolate: seeds; rows of `COLUMNS` images that go from the images of the first seed through
        those of the others.
      truncation: threshold of the latents; 0 for none.
    """

    labels: tuple[int | str, ...] = ()
    per_class: int = 0
    interpolate: tuple[int, ...] = ()
    truncation: float = 0.0


class Inputs(NamedTuple):
    """Latents and labels for a generator, and the columns of a grid of its images."""

    z: Latents
    labels: Labels | None
    columns: int = 0


def sample_inputs(
    gan: Gan, num: int, seed: int, choices: SampleChoices, names: Sequence[str]
) -> Inputs:
    """Returns the latents and the labels of all images.

    Args:
      num: number of examples; not used with `choices.per_class`.
      names: of the classes, if they are known.

    Raises:
      UserError: there is no such class, or the generator takes no labels.
    """
    if choices.per_class:
        classes = class_numbers(gan, choices.labels, names)
        labels = jnp.repeat(jnp.array(classes, jnp.int32), choices.per_class)
        z = latents_of_seed(gan, len(labels), seed, choices.truncation)
        return Inputs(z, labels, choices.per_class)
    if choices.interpolate:
        rows = -(-num // COLUMNS)
        anchors = [latents_of_seed(gan, rows, x, choices.truncation) for x in choices.interpolate]
        z = jnp.swapaxes(path_through(jnp.stack(anchors), COLUMNS), 0, 1)
        of_rows = labels_in_turn(gan, choices.labels, rows, names)
        along = None if of_rows is None else jnp.repeat(of_rows, COLUMNS)[:num]
        return Inputs(z.reshape(-1, gan.latent_size)[:num], along, COLUMNS)
    z = latents_of_seed(gan, num, seed, choices.truncation)
    return Inputs(z, labels_in_turn(gan, choices.labels, num, names))
