"""The verb `sample`: writes examples of a trained generator as a picture or as arrays."""

import shutil
from pathlib import Path

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.data import load_data
from jaxgan.gan.sampling import generate_pixels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.plots import save_image, save_samples, to_picture
from jaxgan.runs.atomic_files import replace_file
from jaxgan.runs.checkpoint_ref import CheckpointRef
from jaxgan.runs.checkpoints import load_run
from jaxgan.runs.class_labels import class_names
from jaxgan.runs.sample_inputs import SampleChoices, sample_inputs
from jaxgan.types import Labels


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
    names = class_names(workdir) if gan.classes else []
    inputs = sample_inputs(gan, num, seed, choices, names)
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
