"""Pixels that stay where they are stored, and are read when they are asked for."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from jaxgan.types import GatheredExamples

BLOCK = 2**24  # bytes of pixels read at a time: what is walked through takes that much memory
Read = Callable[[np.ndarray], np.ndarray]  # of places in the source: uint8 (n, *shape)


class LazyArray:
    """An array of pixels on a disk. What is taken of it is read then, and is numpy's."""

    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, ...], read: Read, places: np.ndarray | None = None):
        """`places` says where in the source each example is; None: the order is the source's."""
        self.shape = shape
        self.ndim = len(shape)
        self._read = read
        self._places = np.arange(len(self), dtype=np.int32) if places is None else places

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: Any) -> np.ndarray:
        """Of a slice, or an array of indices."""
        return self._read(self._places[chosen])

    def in_order(self, order: np.ndarray) -> "LazyArray":
        """The same examples in another order; nothing is read."""
        return type(self)(self.shape, self._read, self._places[order])


Array = np.ndarray | LazyArray


def blocks(pixels: Array) -> Iterator[np.ndarray]:
    """The whole of an array from its beginning to its end, some megabytes at a time."""
    size = block_size(pixels)
    for start in range(0, len(pixels), size):
        yield np.ascontiguousarray(pixels[start : start + size])


def block_size(pixels: Array) -> int:
    """Examples in one of `blocks`."""
    each = int(np.prod(pixels.shape[1:])) * pixels.dtype.itemsize
    return max(1, BLOCK // max(1, each))


def gather(pixels: Any, labels: Any, rows: np.ndarray) -> GatheredExamples:
    """The examples on the host of some rows, which may be of any shape, read now."""
    chosen = pixels[rows.reshape(-1)].reshape(*rows.shape, *pixels.shape[1:])
    return GatheredExamples(chosen, None if labels is None else labels[rows])
