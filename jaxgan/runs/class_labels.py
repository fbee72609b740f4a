"""The labels that a command asks a class-conditional generator for, by name or number."""

from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

import jax.numpy as jnp
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.state import Gan
from jaxgan.runs.environment import read_environment
from jaxgan.types import Labels


def requested_labels(
    gan: Gan, labels: Sequence[int | str], num: int, workdir: Path
) -> Labels | None:
    """Returns the label of each of `num` images of a run, as `labels_in_turn` does.

    Raises:
      UserError: as `class_numbers`.
    """
    return labels_in_turn(gan, labels, num, class_names(workdir))


def class_names(workdir: Path) -> list[str]:
    """Returns the names of the classes; [] if the run has recorded none."""
    # A run of an older version has recorded no names.
    return read_environment(workdir)["data"].get("class_names") or []


def labels_in_turn(
    gan: Gan, labels: Sequence[int | str], num: int, names: Sequence[str]
) -> Labels | None:
    """Returns the label of each of `num` images: the classes in turn.

    Args:
      labels, names: as in `class_numbers`.

    Returns:
      None if the generator takes no labels and none are asked for.

    Raises:
      UserError: as `class_numbers`.
    """
    if not (gan.classes or labels):
        return None
    return jnp.resize(jnp.array(class_numbers(gan, labels, names), jnp.int32), (num,))


def class_numbers(gan: Gan, labels: Sequence[int | str], names: Sequence[str]) -> list[int]:
    """Returns the numbers of classes.

    Args:
      labels: classes by name or number; () for all that have training images.
      names: of the classes, if they are known.

    Raises:
      UserError: there is no such class, or the generator takes no labels.
    """
    if not gan.classes:
        flag = "--labels" if labels else "--per_class"
        raise UserError(f"{flag}: the run is not class-conditional (config.network.conditional)")
    if not labels:
        counts = gan.class_counts or (1,) * gan.classes
        return np.flatnonzero(counts).tolist()
    return [_class_number(label, names, gan) for label in labels]


def _class_number(label: int | str, names: Sequence[str], gan: Gan) -> int:
    """Returns the number of a class; a text that is a name stands for that class.

    Raises:
      UserError: there is no such class, or the generator has seen no image of it.
    """
    number = _find_class(label, names)
    if number is None or number >= gan.classes:
        numbers = f"from 0 to {gan.classes - 1}"
        if names:
            numbers = f"one of {', '.join(names)}" + f", or a number {numbers}" * _has_words(names)
        raise UserError(f"--labels: {label}: must be {numbers}")
    if gan.class_counts and not gan.class_counts[number]:
        raise UserError(f"--labels: {label}: the training data have no image of this class")
    return number


def _find_class(label: int | str, names: Sequence[str]) -> int | None:
    """Returns the number of the class with a name, or the number that was given."""
    # Names come first, since they can be numbers.
    if isinstance(label, str):
        if label in names:
            return names.index(label)
        # macOS may store an accent as a character of its own, which no keyboard writes.
        composed = [normalize("NFC", name) for name in names]
        if composed.count(typed := normalize("NFC", label)) == 1:
            return composed.index(typed)
        # Beside classes called 1 to 3, 0 is a mistake and not the first of them.
        if not _has_words(names):
            return None
    return int(label) if str(label).isdecimal() else None


def _has_words(names: Sequence[str]) -> bool:
    """Returns whether the name of a class is no number, or the classes have no names."""
    return not names or not all(name.isdecimal() for name in names)
