"""The command `export`: writes the generator of a run in one of the formats."""

from collections.abc import Callable
from pathlib import Path

import jax

from jaxgan.config.errors import UserError
from jaxgan.export.formats import FORMATS, check_export
from jaxgan.export.generator import TrainedGenerator, load_trained
from jaxgan.export.jax_artefact import write_jax
from jaxgan.export.onnx_file import write_onnx
from jaxgan.export.safetensors_file import write_safetensors
from jaxgan.runs.checkpoint_ref import CheckpointRef

GENERAL = "safetensors"  # the format without a limit
LARGEST = 2**31 - 2**24  # bytes of the weights in the others, with room for the program
WRITERS: dict[str, Callable[[TrainedGenerator, Path], None]] = {
    "jax": write_jax,
    "onnx": write_onnx,
    "safetensors": write_safetensors,
}


def export_run(workdir: Path, name: str, out: Path, ref: CheckpointRef = "last") -> int:
    """Writes the generator of a run to `out`; returns the step of the checkpoint used.

    Its images are those that `sample` makes of the same latents.

    Args:
      name: of the format, one of FORMATS.
      ref: the checkpoint's step, "last" or "best".

    Raises:
      UserError: the file exists, a package is missing, there is no such run or checkpoint, or the
        network cannot be written in this format.
    """
    if name not in FORMATS:
        raise UserError(f"format {name!r}: must be one of {', '.join(FORMATS)}")
    check_export(name, out)
    generator = load_trained(workdir, ref)
    leaves = jax.tree.leaves((generator.params, generator.stats))
    size = sum(leaf.nbytes for leaf in leaves)
    if name != GENERAL and size > LARGEST:
        raise UserError(
            f"--format {name}: its files hold at most 2 GB, and the weights are {size / 1e9:.1f} "
            f"GB; use --format {GENERAL}"
        )
    WRITERS[name](generator, out)
    return int(generator.record["step"])
