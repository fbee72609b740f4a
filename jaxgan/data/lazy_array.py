"""Arrays of pixels that stay on disk and are read when they are indexed."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

# Read at a time, so that walking through a set that is larger than memory needs little of it.
BLOCK_BYTES = 2**24
Read = Callable[[np.ndarray], np.ndarray]  # from indices in the source to uint8 (n, *shape)


class LazyArray:
    """An array of pixels on disk. Indexing it reads the selected examples into a numpy array."""

    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, ...], read: Read, indices: np.ndarray | None = None):
        """Describes the array, of which nothing is read yet.

        Args:
          shape: (n, height, width, channels).
          read: reads the examples at some indices of the source.
          indices: the index in the source of each example; None: the order of the source.
        """
        self.shape = shape
        self.ndim = len(shape)
        self._read = read
        self._indices = np.arange(len(self), dtype=np.int32) if indices is None else indices

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, selection: Any) -> np.ndarray:
        """Reads the examples of a slice, or of an array of indices."""
        return self._read(self._indices[selection])

    def take(self, indices: np.ndarray) -> "LazyArray":
        """Returns some of the examples, or all in another order, without reading them."""
        return type(self)((len(indices), *self.shape[1:]), self._read, self._indices[indices])


Array = np.ndarray | LazyArray


def blocks(pixels: Array) -> Iterator[np.ndarray]:
    """Yields an array from its beginning to its end, some megabytes at a time."""
    size = block_size(pixels)
    for start in range(0, len(pixels), size):
        yield np.ascontiguousarray(pixels[start : start + size])


def block_size(pixels: Array) -> int:
    """Returns the number of examples in each of `blocks`."""
    example_bytes = int(np.prod(pixels.shape[1:])) * pixels.dtype.itemsize
    return max(1, BLOCK_BYTES // max(1, example_bytes))
