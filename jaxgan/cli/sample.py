"""The verb `sample`: writes examples of a trained generator as a picture or as arrays."""

import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data import load_data
from jaxgan.gan.sampling import cycled_labels, sample_pixels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan
from jaxgan.plots import save_image, save_samples, to_picture
from jaxgan.runs.atomic_files import replace_file
from jaxgan.runs.checkpoint_ref import CheckpointRef
from jaxgan.runs.checkpoints import load_run
from jaxgan.runs.environment import read_environment
from jaxgan.types import Labels, Stream, stream_key


def sample(
    workdir: Path,
    step: CheckpointRef,
    num: int,
    seed: int,
    out: Path,
    labels: tuple[int | str, ...] = (),
) -> int:
    """Writes `num` generated examples to `out`; returns the step of the checkpoint used.

    The same seed gives the same latents for every run and step.

    Args:
      step: the checkpoint's step, "last" or "best".
      out: a .png becomes one grid of images, a single image as it is, or a scatter plot of points
        over real ones; an .npz holds uint8 (num, height, width, channels) under "images", or
        float32 (num, dims) under "points", and int32 (num,) under "labels" if the generator is
        class-conditional; any other path becomes a folder with a .png of each image, named by its
        index and label.
      labels: the classes to generate, in turn, by name or number; () for all classes.

    Raises:
      UserError: there is no such run, checkpoint or label.
    """
    config, gan, state = load_run(workdir, step)
    image_labels = _image_labels(gan, labels, num, workdir)
    # Not from the run's own key, so that two runs can be compared on the same latents.
    key = stream_key(jax.random.key(seed), Stream.SAMPLE, 0)
    variables = inference_variables(gan, state)
    pixels = np.asarray(sample_pixels(gan, *variables, num, key, image_labels))
    are_images = pixels.ndim == 4
    if out.suffix == ".png" and are_images and num == 1:
        save_image(out, pixels[0])
    elif out.suffix == ".png":
        save_samples(out, pixels, pixels if are_images else load_data(config.data).pixels[:])
    elif out.suffix == ".npz":
        arrays = {"images" if are_images else "points": pixels}
        if image_labels is not None:
            arrays["labels"] = np.asarray(image_labels)
        replace_file(out, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]
    elif are_images:
        _save_images(out, pixels, image_labels)
    else:
        raise UserError(f"--out {out}: the run has points, not images; must end in .png or .npz")
    return int(state.step)


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


def _image_labels(
    gan: Gan, labels: tuple[int | str, ...], num: int, workdir: Path
) -> Labels | None:
    """The label of each image; None if the generator takes none."""
    if not labels:
        return cycled_labels(gan, num)
    if not gan.classes:
        raise UserError("--labels: the run is not class-conditional (config.network.conditional)")
    # A run of an older version has recorded no names.
    names = read_environment(workdir)["data"].get("class_names") or []
    numbers = [_class_number(label, names, gan) for label in labels]
    return jnp.resize(jnp.array(numbers, jnp.int32), (num,))


def _class_number(label: int | str, names: list[str], gan: Gan) -> int:
    """The number of a class; a text that is a name stands for that class, also if it is a number.

    Raises:
      UserError: there is no such class, or the generator has seen no image of it.
    """
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
