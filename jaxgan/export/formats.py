"""The formats that a generator can be exported in, for the command line; imports no JAX."""

from pathlib import Path
from typing import NamedTuple

from jaxgan.config.errors import UserError
from jaxgan.config.packages import import_package

EXTRA = "export"  # of jaxgan; it has the packages of all formats


class Format(NamedTuple):
    """A format: how its files are named, and the package that writes them."""

    suffix: str
    package: str


FORMATS = {
    "jax": Format(".jax", "flatbuffers"),  # which `jax.export` needs to write and to read
    "onnx": Format(".onnx", "onnx"),
    "safetensors": Format(".safetensors", "safetensors"),
}


def record_path(out: Path) -> Path:
    """Returns the path of the JSON beside a file of a format that has no room for a record."""
    return out.with_name(f"{out.name}.json")


def check_export(name: str, out: Path) -> None:
    """Checks that a file can be exported, before time is spent.

    Raises:
      UserError: the package of the format is not installed, or the file exists already.
    """
    import_package(FORMATS[name].package, f"--format {name}", EXTRA)
    beside = [record_path(out)] if name == "jax" else []
    for path in (out, *beside):
        if path.exists():
            raise UserError(f"--out {path}: exists already; remove it, or choose another name")
