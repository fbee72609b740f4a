"""Reads the arrays of a PyTorch file of weights without PyTorch, and without running its pickle.

A pickle can run any program when it is read. Here it may only name the few things that a table of
tensors is made of, and each stands for a function of this file. Both formats are read: the .zip
that PyTorch writes since version 1.6, and the older one, in which the published weights of
Inception are.
"""

import collections
import io
import math
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgan.config.errors import UserError

OLD_MAGIC = 0x1950A86A20F9469CFC6C  # the first number of a file in the older format
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
# Gets the dtype, the name and the length of a storage; returns its values.
ReadStorage = Callable[[np.dtype, str, int], np.ndarray]


def read_torch_weights(raw: bytes) -> dict[str, np.ndarray]:
    """Returns the arrays by name.

    Raises:
      UserError: the bytes are no such file, or its pickle names anything but tensors.
    """
    try:
        arrays = _read_zip(raw) if raw.startswith(b"PK") else _read_old(io.BytesIO(raw))
    except UserError:
        raise
    # Damaged bytes make unpickling fail in any way.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"is no file of PyTorch weights ({reason})") from error
    if not isinstance(arrays, dict) or not all(isinstance(a, np.ndarray) for a in arrays.values()):
        raise UserError("is no file of PyTorch weights: must hold tensors by name")
    return dict(arrays)


def _read_zip(raw: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        (index,) = [name for name in file.namelist() if name.endswith("/data.pkl")]
        folder = index.removesuffix("data.pkl")

        def read_storage(dtype: np.dtype, key: str, length: int) -> np.ndarray:
            return np.frombuffer(file.read(f"{folder}data/{key}"), dtype, length)

        return _Unpickler(io.BytesIO(file.read(index)), read_storage).load()


def _read_old(file: io.BytesIO) -> Any:
    """Reads the older format: five pickles, then the storages in the order of the fifth."""
    storages: dict[str, np.ndarray] = {}

    def make_storage(dtype: np.dtype, key: str, length: int) -> np.ndarray:
        # Filled below: the values come after the pickle that names them.
        return storages.setdefault(key, np.empty(length, dtype))

    magic, _, _, arrays, keys = (_Unpickler(file, make_storage).load() for _ in range(5))
    if magic != OLD_MAGIC:
        raise ValueError(f"begins with {magic}")
    for key in keys:
        storage = storages[key]
        length = int.from_bytes(file.read(8), "little")
        storage[:] = np.frombuffer(
            file.read(length * storage.itemsize), storage.dtype, len(storage)
        )
    return arrays


class _Unpickler(pickle.Unpickler):
    """Reads a pickle that may name nothing but dictionaries, tensors and their storages."""

    def __init__(self, file: io.BytesIO, read_storage: ReadStorage):
        super().__init__(file)
        self.read_storage = read_storage

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _view
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise UserError(f"is refused: its pickle names {module}.{name}, and weights need no such")

    def persistent_load(self, pid: Any) -> np.ndarray:
        _, dtype, key, _, length, *_ = pid
        return self.read_storage(dtype, key, length)


def _view(
    storage: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> np.ndarray:
    """Returns the tensor of this shape in a storage, as a view."""
    part = storage[offset : offset + math.prod(shape)]
    array = part.reshape(shape)
    found = tuple(stride // array.itemsize for stride in array.strides)
    # The stride of an axis of length 1 has no meaning.
    axes = zip(shape, strides, found, strict=True)
    if any(length > 1 and stride != own for length, stride, own in axes):
        raise ValueError(f"a tensor of shape {shape} has strides {strides}, and not {found}")
    return array
