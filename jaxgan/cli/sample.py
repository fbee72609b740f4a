"""The verb `sample`: writes examples of a trained generator as a picture or as arrays."""

import dataclasses
import shutil
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data import load_data
from jaxgan.gan.sampling import generate_pixels, latents_of_seed
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan
from jaxgan.gan.walks import path_through
from jaxgan.plots import save_image, save_samples, to_picture
from jaxgan.runs.atomic_files import replace_file
from jaxgan.runs.checkpoint_ref import CheckpointRef
from jaxgan.runs.checkpoints import load_run
from jaxgan.runs.class_labels import requested_classes, requested_labels
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


def sample(
    workdir: Path,
    step: CheckpointRef,
    num: int,
    seed: int,
    out: Path,
    choices: SampleChoices = SampleChoices(),
) -> int:
    """Writes generated examples to `out`; returns the step of the checkpoint used.

    The same seed gives the same latents for every run and step.

    Args:
      step: the checkpoint's step, "last" or "best".
      num: number of examples; not used with `choices.per_class`.
      out: a .png becomes one grid of images, a single image as it is, or a scatter plot of points
        over real ones; an .npz holds uint8 (num, height, width, channels) under "images", or
        float32 (num, dims) under "points", and int32 (num,) under "labels" if the generator is
        class-conditional; any other path becomes a folder with a .png of each image, named by its
        index and label.

    Raises:
      UserError: there is no such run, checkpoint or label.
    """
    config, gan, state = load_run(workdir, step)
    inputs = _inputs(gan, num, seed, choices, workdir)
    variables = inference_variables(gan, state)
    pixels = np.asarray(generate_pixels(gan, *variables, inputs.z, inputs.labels))
    are_images = pixels.ndim == 4
    if out.suffix == ".png" and are_images and len(pixels) == 1:
        save_image(out, pixels[0])
    elif out.suffix == ".png":
        real = pixels if are_images else load_data(config.data).pixels[:]
        save_samples(out, pixels, real, inputs.columns)
    elif out.suffix == ".npz":
        arrays = {"images" if are_images else "points": pixels}
        if inputs.labels is not None:
            arrays["labels"] = np.asarray(inputs.labels)
        replace_file(out, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]
    elif are_images:
        _save_images(out, pixels, inputs.labels)
    else:
        raise UserError(f"--out {out}: the run has points, not images; must end in .png or .npz")
    return int(state.step)


def _inputs(gan: Gan, num: int, seed: int, choices: SampleChoices, workdir: Path) -> Inputs:
    """Returns the latents and the labels of all images."""
    if choices.per_class:
        classes = requested_classes(gan, choices.labels, workdir)
        labels = jnp.repeat(jnp.array(classes, jnp.int32), choices.per_class)
        z = latents_of_seed(gan, len(labels), seed, choices.truncation)
        return Inputs(z, labels, choices.per_class)
    if choices.interpolate:
        rows = -(-num // COLUMNS)
        anchors = [latents_of_seed(gan, rows, x, choices.truncation) for x in choices.interpolate]
        z = jnp.swapaxes(path_through(jnp.stack(anchors), COLUMNS), 0, 1)
        of_rows = requested_labels(gan, choices.labels, rows, workdir)
        along = None if of_rows is None else jnp.repeat(of_rows, COLUMNS)[:num]
        return Inputs(z.reshape(-1, gan.latent_size)[:num], along, COLUMNS)
    z = latents_of_seed(gan, num, seed, choices.truncation)
    return Inputs(z, requested_labels(gan, choices.labels, num, workdir))


def _save_images(out: Path, pixels: np.ndarray, labels: Labels | None) -> None:
    """Writes a .png of each image into a new or empty folder, all of them or none."""
    folder = out.resolve()
    new = folder.with_name(f".{folder.name}.new")
    # An earlier command may have been killed.
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        endings = [""] * len(pixels) if labels is None else [f"_{x}" for x in labels.tolist()]
        digits = max(5, len(str(len(pixels) - 1)))
        for index, (image, ending) in enumerate(zip(pixels, endings, strict=True)):
            to_picture(image).save(new / f"{index:0{digits}}{ending}.png")
        new.replace(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
