"""The verb `sample`: examples of a trained generator, as a picture or as an array."""

from pathlib import Path

import jax
import numpy as np

from jaxgan.checkpoints import load_run
from jaxgan.data import load_data
from jaxgan.plots import save_samples
from jaxgan.records import replace_file
from jaxgan.sampling import sample_pixels
from jaxgan.state import sampling_params
from jaxgan.types import Stream, stream_key


def sample(workdir: Path, step: int, num: int, seed: int, out: Path) -> int:
    """Writes `num` generated images to `out`; returns the step of the checkpoint used.

    A .png is one grid, or a scatter over real points; an .npz holds uint8 (num, height, width,
    channels) under "images", or float32 (num, dims) under "points". The same seed gives the same
    latents for every run and step.

    Raises:
      UserError: there is no such run or checkpoint.
    """
    config, gan, state = load_run(workdir, step)
    key = stream_key(jax.random.key(seed), Stream.SAMPLE, 0)
    pixels = np.asarray(sample_pixels(gan, sampling_params(state), state.gen.stats, num, key))
    if out.suffix == ".png":
        save_samples(out, pixels, pixels if pixels.ndim == 4 else load_data(config.data).pixels)
    else:
        arrays = {"images" if pixels.ndim == 4 else "points": pixels}
        replace_file(out, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]
    return int(state.step)
