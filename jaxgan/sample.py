"""The verb `sample`: images of a trained generator, as a picture or as an array."""

from pathlib import Path

import jax
import numpy as np

from jaxgan.checkpoints import load_run
from jaxgan.plots import save_grid
from jaxgan.records import replace_file
from jaxgan.sampling import sample_pixels
from jaxgan.state import sampling_params
from jaxgan.types import Stream, stream_key


def sample(workdir: Path, step: int, num: int, seed: int, out: Path) -> int:
    """Writes `num` generated images to `out`; returns the step of the checkpoint used.

    A .png is one grid; an .npz holds uint8 (num, height, width, channels) under "images". The
    same seed gives the same latents for every run and step.

    Raises:
      UserError: there is no such run or checkpoint.
    """
    _, gan, state = load_run(workdir, step)
    key = stream_key(jax.random.key(seed), Stream.SAMPLE, 0)
    pixels = np.asarray(sample_pixels(gan, sampling_params(state), state.gen.stats, num, key))
    if out.suffix == ".png":
        save_grid(out, pixels)
    else:
        replace_file(out, lambda file: np.savez_compressed(file, images=pixels))
    return int(state.step)
