"""Encodes a generator's layers, and further arrays, as the JSON that `generator.js` reads."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxgan.reports.generator_layers import Layer
from jaxgan.types import Params

KERNEL = "kernel"
ALIGNMENT = 4  # bytes, which JavaScript's arrays of float32 need


def round_kernels(params: Params) -> Params:
    """Returns a generator's parameters with the kernels rounded to float16.

    Kernels are nearly all of the weights; the others stay as they are.
    """

    def round_kernel(path: jax.tree_util.KeyPath, array: jax.Array) -> jax.Array:
        if jax.tree_util.keystr(path[-1:], simple=True) != KERNEL:
            return array
        return array.astype(np.float16).astype(array.dtype)

    return jax.tree_util.tree_map_with_path(round_kernel, params)


def encoded_size(layers: Iterable[Layer], half: bool) -> int:
    """Returns the length in characters of the layers' arrays in the JSON."""
    arrays = [(name, array) for layer in layers for name, array in layer.arrays.items()]
    return sum(array.size * _dtype(name, half).itemsize for name, array in arrays) * 4 // 3


def encode_generator(
    layers: Sequence[Layer],
    extra: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    half: bool,
) -> dict[str, Any]:
    """Returns values for JSON: settings, layers, and all arrays as bytes in base64.

    Args:
      extra: float32 arrays beside those of the layers.
      half: whether kernels are float16; they lose nothing if they are those of `round_kernels`.
    """
    parts: list[bytes] = []

    def place(name: str, array: np.ndarray) -> dict[str, Any]:
        dtype = _dtype(name, half)
        start = sum(map(len, parts))
        data = array.astype(dtype.newbyteorder("<")).tobytes()
        parts.append(data + bytes(-len(data) % ALIGNMENT))
        return {"type": dtype.name, "shape": array.shape, "start": start}

    described = [
        {
            "layer": layer.name,
            **layer.settings,
            "arrays": {name: place(name, array) for name, array in layer.arrays.items()},
        }
        for layer in layers
    ]
    placed = {name: place(name, array) for name, array in extra.items()}
    text = base64.b64encode(b"".join(parts)).decode()
    return {**settings, "layers": described, "extra": placed, "bytes": text}


def _dtype(name: str, half: bool) -> np.dtype:
    return np.dtype(np.float16 if half and name == KERNEL else np.float32)
