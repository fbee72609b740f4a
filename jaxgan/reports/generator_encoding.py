"""Encodes arrays, and the layers of a generator, as the JSON that `generator.js` reads."""

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxgan.reports.generator_layers import Layer
from jaxgan.types import Params

KERNEL = "kernel"
WORD = 4  # bytes of a float32


def round_kernels(params: Params) -> Params:
    """Returns a generator's parameters with the kernels rounded to float16.

    Kernels are nearly all of the weights; the others stay as they are.
    """

    def round_kernel(path: jax.tree_util.KeyPath, array: jax.Array) -> jax.Array:
        if jax.tree_util.keystr(path[-1:], simple=True) != KERNEL:
            return array
        return array.astype(np.float16).astype(array.dtype)

    return jax.tree_util.tree_map_with_path(round_kernel, params)


def encode_layers(layers: Sequence[Layer], half: bool) -> dict[str, Any]:
    """Returns values for JSON: the layers under "layers", and the content of their arrays.

    Args:
      half: whether kernels are float16; they lose nothing if they are those of `round_kernels`.
    """
    arrays = [
        {name: array.astype(_dtype(name, half)) for name, array in layer.arrays.items()}
        for layer in layers
    ]
    places = iter(_place(array for group in arrays for array in group.values()))
    described = [
        {"layer": layer.name, **layer.settings, "arrays": {name: next(places) for name in group}}
        for layer, group in zip(layers, arrays, strict=True)
    ]
    content = _encode(array for group in arrays for array in group.values())
    return {"layers": described, "content": content}


def encode_arrays(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns values for JSON: the places of float32 arrays under "arrays", and their content."""
    words = [array.astype("<f4") for array in arrays.values()]
    return {"arrays": dict(zip(arrays, _place(words), strict=True)), "content": _encode(words)}


def _dtype(name: str, half: bool) -> np.dtype:
    return np.dtype("<f2" if half and name == KERNEL else "<f4")


def _place(arrays: Iterable[np.ndarray]) -> list[dict[str, Any]]:
    """Returns type, shape and first byte of each array in what `_encode` makes of them."""
    places, start = [], 0
    for array in arrays:
        places.append({"type": array.dtype.name, "shape": array.shape, "start": start})
        # JavaScript reads a float32 only from a multiple of its size.
        start += -(-array.nbytes // WORD) * WORD
    return places


def _encode(arrays: Iterable[np.ndarray]) -> str:
    """Returns the bytes of arrays, compressed, in base64.

    The first bytes of all words come first, then all second ones, and so on: signs and exponents,
    which are alike, stand together then and compress better.
    """
    content = b"".join(array.tobytes() + bytes(-array.nbytes % WORD) for array in arrays)
    planes = np.frombuffer(content, np.uint8).reshape(-1, WORD).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode()
