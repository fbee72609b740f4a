"""Writes a generator as a program of `jax.export`, for every platform and batches of any size."""

from collections.abc import Callable
from pathlib import Path

import jax
from jax import export

from jaxgan.export.formats import record_path
from jaxgan.export.generator import (
    TrainedGenerator,
    explain_batch_size,
    pixels_program,
    symbolic_inputs,
)
from jaxgan.runs.atomic_files import replace_file, write_json
from jaxgan.types import Labels, Latents, Pixels

PLATFORMS = ("cpu", "cuda", "tpu")


def write_jax(generator: TrainedGenerator, out: Path) -> None:
    """Writes the program to `out`, and the generator's record as JSON beside it."""
    with explain_batch_size():
        program = export.export(jax.jit(_constant_weights(generator)), platforms=PLATFORMS)
        content = program(*symbolic_inputs(generator)).serialize()
    # First, so that no program is without its record.
    write_json(record_path(out), generator.record)
    replace_file(out, lambda file: file.write(content))


def _constant_weights(generator: TrainedGenerator) -> Callable[..., Pixels]:
    def pixels(z: Latents, labels: Labels | None = None) -> Pixels:
        # Behind the barrier, the compiler does not compute with the weights ahead of time, which
        # would round in another way than when they are arguments, as in `sample_pixels`.
        params, stats = jax.lax.optimization_barrier((generator.params, generator.stats))
        return pixels_program(generator._replace(params=params, stats=stats))(z, labels)

    return pixels
