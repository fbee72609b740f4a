"""Computes a convolution and its two transposes as one matrix product each, over image patches.

This method is known as im2col. Arrays are as in `conv`: NHWC images, HWIO kernels.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

HW = tuple[int, ...]  # height, width
NARROW_CHANNELS = 64  # of a 1x1 kernel; the compiler's own transpose is faster up to these
PAIRED_CHANNELS = 128  # of a kernel; with more of them the products, and not memory, take the time


@dataclasses.dataclass(frozen=True)
class Window:
    """The static parameters of a convolution.

    Attributes:
      size: height and width of the images.
      padding: ((top, bottom), (left, right)).
      precision: of the matrix products, as JAX names it; None: the compiler's choice.
    """

    size: HW
    kernel: HW
    strides: HW
    padding: tuple[tuple[int, int], ...]
    groups: int
    precision: str | None = None

    @property
    def out(self) -> HW:
        """Height and width of the outputs."""
        axes = zip(self.size, self.kernel, self.strides, self.padding, strict=True)
        return tuple((n + sum(ends) - k) // s + 1 for n, k, s, ends in axes)

    @property
    def blocks(self) -> HW:
        """Number of strides, also partial ones, that the kernel covers in each direction."""
        axes = zip(self.out, self.kernel, self.strides, strict=True)
        return tuple(n + (k - 1) // s for n, k, s in axes)


def conv_by_matmul(window: Window, x: Array, kernel: Array) -> Array:
    """Returns the convolution of images `x` with a kernel."""
    if window.groups > 1:
        return _by_groups(conv_by_matmul, window, x, kernel)
    if _is_paired(window, kernel.shape[2:]):
        return _merge_pairs(window, conv_by_matmul(_pair_window(window), x, _pair_kernel(kernel)))
    return jnp.tensordot(_patches(window, x), _matrix(kernel), 1, precision=window.precision)


def transpose_by_matmul(window: Window, y: Array, kernel: Array) -> Array:
    """Returns the transpose of the convolution in its images, applied to outputs `y`."""
    if window.groups > 1:
        each = _conv_of_turned_kernel if window.strides == (1, 1) else transpose_by_matmul
        return _by_groups(each, window, y, kernel)
    if _is_paired(window, kernel.shape[2:]):
        return transpose_by_matmul(_pair_window(window), _split_pairs(y), _pair_kernel(kernel))
    product = jnp.tensordot(y, _matrix(kernel), ((3,), (1,)), precision=window.precision)
    return _overlap_add(window, product)


def kernel_by_matmul(window: Window, x: Array, y: Array) -> Array:
    """Returns the transpose of the convolution in its kernel, applied to outputs `y`."""
    if window.groups > 1:
        return _by_groups(kernel_by_matmul, window, x, y)
    if _is_paired(window, (x.shape[3], y.shape[3])):
        return _add_pairs(kernel_by_matmul(_pair_window(window), x, _split_pairs(y)))
    patches = _patches(window, x).reshape(-1, window.kernel[0] * window.kernel[1] * x.shape[3])
    rows = y.reshape(-1, y.shape[3])
    if window.kernel == (1, 1) and max(x.shape[3], y.shape[3]) <= NARROW_CHANNELS:
        product = jnp.tensordot(patches, rows, ((0,), (0,)), precision=window.precision)
    else:
        product = _transposed_product(patches, rows, window.precision)
    return product.reshape(*window.kernel, x.shape[3], -1)


def _conv_of_turned_kernel(window: Window, y: Array, kernel: Array) -> Array:
    """Does what `transpose_by_matmul` does with stride 1, as a convolution.

    The kernel is turned by half a turn, with inputs and outputs exchanged. Of several groups this
    takes half as long as adding up patches, which a compiler does not do with whole vectors.
    """
    axes = zip(window.kernel, window.padding, strict=True)
    padding = tuple((k - 1 - low, k - 1 - high) for k, (low, high) in axes)
    turned = dataclasses.replace(window, size=window.out, padding=padding)
    return conv_by_matmul(turned, y, kernel[::-1, ::-1].swapaxes(2, 3))


def _is_paired(window: Window, channels: tuple[int, ...]) -> bool:
    """Returns True if two neighbouring columns of outputs are better computed at once.

    With stride 1 a kernel of 3 columns reads every column three times, and that of a pair, which
    has 4, only twice. So the patches are smaller by a third, while the products take a third more
    operations, of which some are with zeros.
    """
    wide = window.kernel[1] > 1 and window.out[1] > 1
    return wide and window.strides[1] == 1 and max(channels) <= PAIRED_CHANNELS


def _pair_window(window: Window) -> Window:
    """Returns the convolution that makes pairs of columns: as one output with twice the channels.

    An odd last column gets a neighbour beyond the edge.
    """
    (height, width), (top_and_bottom, (left, right)) = window.kernel, window.padding
    return dataclasses.replace(
        window,
        kernel=(height, width + 1),
        strides=(window.strides[0], 2),
        padding=(top_and_bottom, (left, right + window.out[1] % 2)),
    )


def _pair_kernel(kernel: Array) -> Array:
    """Returns the kernel of both outputs of a pair: that of the second is a column further."""
    first, second = (jnp.pad(kernel, ((0, 0), ends, (0, 0), (0, 0))) for ends in ((0, 1), (1, 0)))
    return jnp.concatenate([first, second], axis=3)


def _add_pairs(kernel: Array) -> Array:
    """Transposes `_pair_kernel`."""
    first, second = jnp.split(kernel, 2, axis=3)
    return first[:, :-1] + second[:, 1:]


def _split_pairs(y: Array) -> Array:
    """Turns outputs into those of pairs; an odd last column gets a neighbour of zeros."""
    y = jnp.pad(y, ((0, 0), (0, 0), (0, y.shape[2] % 2), (0, 0)))
    return y.reshape(*y.shape[:2], y.shape[2] // 2, -1)


def _merge_pairs(window: Window, y: Array) -> Array:
    """Inverts `_split_pairs`."""
    batch, (height, width) = y.shape[0], window.out
    return y.reshape(batch, height, 2 * y.shape[2], -1)[:, :, :width]


def _by_groups(
    product: Callable[[Window, Array, Array], Array], window: Window, a: Array, b: Array
) -> Array:
    """Applies one of the three products to each group of channels."""
    # `vmap` makes one batched product of all groups; a Python loop would make many small ones.
    each = jax.vmap(functools.partial(product, dataclasses.replace(window, groups=1)))
    return _join(each(_split(a, window.groups), _split(b, window.groups)))


def _transposed_product(a: Array, b: Array, precision: str | None) -> Array:
    """Returns a.T @ b, with an explicit transpose of the smaller of the two.

    The compiler would transpose `a`. If that holds the patches, the largest array of all, this
    takes half as long as the product itself. The barriers stop the compiler from undoing it.
    """
    product = functools.partial(jnp.matmul, precision=precision)
    # The number of rows is the same, so the one with fewer columns is the smaller.
    if a.shape[1] > b.shape[1]:
        return lax.optimization_barrier(product(lax.optimization_barrier(b.T), a)).T
    return product(lax.optimization_barrier(a.T), b)


def _matrix(kernel: Array) -> Array:
    return kernel.reshape(-1, kernel.shape[3])


def _split(array: Array, groups: int) -> Array:
    """Moves the groups to the front: (..., groups * n) to (groups, ..., n)."""
    return jnp.moveaxis(array.reshape(*array.shape[:-1], groups, -1), -2, 0)


def _join(array: Array) -> Array:
    """Inverts `_split`."""
    joined = jnp.moveaxis(array, 0, -2)
    return joined.reshape(*joined.shape[:-2], -1)


def _patches(window: Window, x: Array) -> Array:
    """Returns what the kernel sees at each output position.

    The shape is (batch, *out, kernel height * kernel width * channels). The columns of a stride are
    merged with the channels, so that each copy reads contiguous memory.
    """
    (rows, columns), (down, right), channels = window.blocks, window.strides, x.shape[3]
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *_margins(window), (0, 0, 0)))
    x = x.reshape(x.shape[0], rows, down, columns, right * channels)
    height, width = window.out
    pieces = [
        x[:, i // down : i // down + height, i % down, j : j + width, : taps * channels]
        for i in range(window.kernel[0])
        for j, taps in _runs(window)
    ]
    if len({piece.shape for piece in pieces}) > 1:
        return jnp.concatenate(pieces, axis=-1)
    # The same array in one pass over memory: a concatenation would first copy every piece.
    shape = (x.shape[0], height, width, len(pieces) * pieces[0].shape[-1])
    return jnp.stack(pieces, axis=3).reshape(shape)


def _overlap_add(window: Window, patches: Array) -> Array:
    """Adds patches up into images: the transpose of `_patches`."""
    (rows, columns), (down, right), (height, width) = window.blocks, window.strides, window.out
    channels = patches.shape[3] // (window.kernel[0] * window.kernel[1])
    zero = jnp.zeros((), patches.dtype)
    patches = patches.reshape(patches.shape[0], height, width, window.kernel[0], -1)
    pieces = []

    for i in range(0, window.kernel[0], down):
        strips = patches[:, :, :, i : i + down].transpose(0, 1, 3, 2, 4)
        for j, taps in _runs(window):
            start = j * right * channels
            ends = (
                (0, 0, 0),
                (i // down, rows - height - i // down, 0),
                (0, down - strips.shape[2], 0),
                (j, columns - width - j, 0),
                (0, (right - taps) * channels, 0),
            )
            pieces.append(lax.pad(strips[..., start : start + taps * channels], zero, ends))
    x = functools.reduce(operator.add, pieces)
    x = x.reshape(x.shape[0], rows * down, columns * right, channels)
    back = tuple((-low, -high, 0) for low, high, _ in _margins(window))
    return lax.pad(x, zero, ((0, 0, 0), *back, (0, 0, 0)))


def _runs(window: Window) -> list[HW]:
    """Cuts the kernel's columns at the strides; returns (block, number of columns) of each run."""
    width, right = window.kernel[1], window.strides[1]
    return [(j, min(right, width - j * right)) for j in range(-(-width // right))]


def _margins(window: Window) -> list[tuple[int, int, int]]:
    """Returns the padding that makes images as large as the blocks; negative padding crops."""
    axes = zip(window.size, window.strides, window.blocks, window.padding, strict=True)
    return [(low, blocks * s - n - low, 0) for n, s, blocks, (low, _) in axes]
