"""A convolution and its two transposes as one matrix product each, over patches of the images.

Arrays are as in `conv`: NHWC images, HWIO kernels.
"""

import dataclasses
import functools
import operator

import jax
import jax.numpy as jnp
from jax import lax

HW = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Window:
    """How a convolution's kernel moves over its images, and in which precision: all that is static.

    `precision` is that of JAX's products; None leaves it to the compiler.
    """

    size: HW  # height and width of the images
    kernel: HW
    strides: HW
    padding: tuple[HW, HW]
    groups: int
    precision: str | None = None

    @property
    def out(self) -> HW:
        """Height and width of the outputs."""
        height, width = (
            (n + sum(ends) - k) // s + 1
            for n, k, s, ends in zip(
                self.size, self.kernel, self.strides, self.padding, strict=True
            )
        )
        return height, width

    @property
    def blocks(self) -> HW:
        """How many strides, whole or begun, the outputs reach over in each direction."""
        rows, columns = (
            n + (k - 1) // s for n, k, s in zip(self.out, self.kernel, self.strides, strict=True)
        )
        return rows, columns


def conv_by_matmul(window: Window, x, kernel):
    if window.groups == 1:
        return jnp.tensordot(_patches(window, x), _matrix(kernel), 1, precision=window.precision)
    x, kernel = _split(x, window.groups), _split(kernel, window.groups)
    ungrouped = dataclasses.replace(window, groups=1)
    return _join(jax.vmap(functools.partial(conv_by_matmul, ungrouped))(x, kernel))


def transpose_by_matmul(window: Window, y, kernel):
    if window.groups == 1:
        product = jnp.tensordot(y, _matrix(kernel), ((3,), (1,)), precision=window.precision)
        return _overlap_add(window, product)
    y, kernel = _split(y, window.groups), _split(kernel, window.groups)
    ungrouped = dataclasses.replace(window, groups=1)
    return _join(jax.vmap(functools.partial(transpose_by_matmul, ungrouped))(y, kernel))


def kernel_by_matmul(window: Window, x, y):
    if window.groups == 1:
        patches = _patches(window, x).reshape(-1, window.kernel[0] * window.kernel[1] * x.shape[3])
        outputs = y.reshape(-1, y.shape[3])
        product = _transposed_product(patches, outputs, window.precision)
        return product.reshape(*window.kernel, x.shape[3], -1)
    x, y = _split(x, window.groups), _split(y, window.groups)
    ungrouped = dataclasses.replace(window, groups=1)
    return _join(jax.vmap(functools.partial(kernel_by_matmul, ungrouped))(x, y))


def _transposed_product(a, b, precision):
    """a.T @ b, with the smaller of the two transposed by itself.

    Left to itself the compiler transposes a, which takes as long as half the product where those
    are the patches, the largest array of all. The barriers keep it from undoing this.
    """
    product = functools.partial(jnp.matmul, precision=precision)
    if a.shape[1] > b.shape[1]:
        return lax.optimization_barrier(product(lax.optimization_barrier(b.T), a)).T
    return product(lax.optimization_barrier(a.T), b)


def _matrix(kernel):
    return kernel.reshape(-1, kernel.shape[3])


def _split(array, groups: int):
    """(..., groups * n) to (groups, ..., n)."""
    return jnp.moveaxis(array.reshape(*array.shape[:-1], groups, -1), -2, 0)


def _join(array):
    """The inverse of `_split`."""
    joined = jnp.moveaxis(array, 0, -2)
    return joined.reshape(*joined.shape[:-2], -1)


def _patches(window: Window, x):
    """(batch, *out, kernel height * kernel width * channels): what the kernel sees where.

    A stride's columns are merged with the channels, so that what is copied together lies
    together.
    """
    (rows, columns), (down, right), channels = window.blocks, window.strides, x.shape[3]
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *_margins(window), (0, 0, 0)))
    x = x.reshape(len(x), rows, down, columns, right * channels)
    height, width = window.out
    pieces = [
        x[:, i // down : i // down + height, i % down, j : j + width, : taps * channels]
        for i in range(window.kernel[0])
        for j, taps in _runs(window)
    ]
    return jnp.concatenate(pieces, axis=-1)


def _overlap_add(window: Window, patches):
    """The transpose of `_patches`."""
    (rows, columns), (down, right), (height, width) = window.blocks, window.strides, window.out
    channels = patches.shape[3] // (window.kernel[0] * window.kernel[1])
    zero = jnp.zeros((), patches.dtype)
    patches = patches.reshape(len(patches), height, width, window.kernel[0], -1)
    pieces = []
    for i in range(0, window.kernel[0], down):
        taken = patches[:, :, :, i : i + down].transpose(0, 1, 3, 2, 4)
        for j, taps in _runs(window):
            start = j * right * channels
            ends = (
                (0, 0, 0),
                (i // down, rows - height - i // down, 0),
                (0, down - taken.shape[2], 0),
                (j, columns - width - j, 0),
                (0, (right - taps) * channels, 0),
            )
            pieces.append(lax.pad(taken[..., start : start + taps * channels], zero, ends))
    x = functools.reduce(operator.add, pieces)
    x = x.reshape(len(x), rows * down, columns * right, channels)
    back = tuple((-low, -high, 0) for low, high, _ in _margins(window))
    return lax.pad(x, zero, ((0, 0, 0), *back, (0, 0, 0)))


def _runs(window: Window) -> list[HW]:
    """The kernel's columns cut at the strides: for each run, its block and how many it holds."""
    width, right = window.kernel[1], window.strides[1]
    return [(j, min(right, width - j * right)) for j in range(-(-width // right))]


def _margins(window: Window) -> list[tuple[int, int, int]]:
    """Padding that makes the images exactly as large as the blocks; negative crops."""
    return [
        (low, blocks * s - n - low, 0)
        for n, s, blocks, (low, _) in zip(
            window.size, window.strides, window.blocks, window.padding, strict=True
        )
    ]
