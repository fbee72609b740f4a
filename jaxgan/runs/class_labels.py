"""The labels that a command asks a class-conditional generator for, by name or number."""

from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.state import Gan
from jaxgan.runs.environment import read_environment
from jaxgan.types import Labels


def requested_labels(
    gan: Gan, labels: Sequence[int | str], num: int, workdir: Path
) -> Labels | None:
    """Returns the label of each of `num` images: the classes in turn.

    Args:
      labels: as in `requested_classes`.

    Returns:
      None if the generator takes no labels and none are asked for.

    Raises:
      UserError: as `requested_classes`.
    """
    if not (gan.classes or labels):
        return None
    return jnp.resize(jnp.array(requested_classes(gan, labels, workdir), jnp.int32), (num,))


def requested_classes(gan: Gan, labels: Sequence[int | str], workdir: Path) -> list[int]:
    """Returns the numbers of classes.

    Args:
      labels: classes by name or number; () for all that have training images.
      workdir: of the run, whose record has the names.

    Raises:
      UserError: there is no such class, or the generator takes no labels.
    """
    if not gan.classes:
        flag = "--labels" if labels else "--per_class"
        raise UserError(f"{flag}: the run is not class-conditional (config.network.conditional)")
    if not labels:
        counts = gan.class_counts or (1,) * gan.classes
        return np.flatnonzero(counts).tolist()
    # A run of an older version has recorded no names.
    names = read_environment(workdir)["data"].get("class_names") or []
    return [_class_number(label, names, gan) for label in labels]


def _class_number(label: int | str, names: list[str], gan: Gan) -> int:
    """Returns the number of a class; a text that is a name stands for that class.

    Raises:
      UserError: there is no such class, or the generator has seen no image of it.
    """
    # First, since the names of classes can be numbers.
    if label in names:
        number = names.index(str(label))
    elif str(label).isdecimal() and int(label) < gan.classes:
        number = int(label)
    else:
        known = f"one of {', '.join(names)}" if names else f"from 0 to {gan.classes - 1}"
        raise UserError(f"--labels: {label}: must be {known}")
    if gan.class_counts and not gan.class_counts[number]:
        raise UserError(f"--labels: {label}: the training data have no image of this class")
    return number
