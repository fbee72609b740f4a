"""Two-dimensional convolution and its transpose, fast on every backend, differentiable twice.

On accelerators both are XLA's own convolution. On CPU that one is 20 to 100 times slower inside a
loop (`lax.scan`) than outside, so there both are lowered to one matrix product over patches
(`im2col`). The choice is made when a program is lowered for a platform; an exported program may
hold both.

A convolution is linear in its images and in its kernel, and so are its two transposes. The three
are each other's derivatives, so gradients of gradients (R1, WGAN-GP) need no other operation. All
use the precision that `jax.default_matmul_precision` has at the first call.
"""

import functools
from collections.abc import Callable, Sequence

import jax
from jax import lax
from jaxtyping import Array, Float

from jaxgan.config.errors import UserError
from jaxgan.networks.im2col import HW, Window, conv_by_matmul, kernel_by_matmul, transpose_by_matmul

Padding = str | Sequence[HW]  # SAME, VALID or ((top, bottom), (left, right))
Maps = Float[Array, "batch height width channels"]
Kernel = Float[Array, "kernel_height kernel_width in_per_group out"]
Outputs = Float[Array, "batch out_height out_width out_channels"]
Lowering = Callable[[Window, Array, Array], Array]
LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv(
    x: Maps, kernel: Kernel, strides: HW = (1, 1), padding: Padding = "SAME", groups: int = 1
) -> Outputs:
    """Returns the cross-correlation, as `lax.conv_general_dilated` does for NHWC and HWIO.

    Raises:
      UserError: the kernel is larger than the padded images, or the channels do not fit.
    """
    window = _window(x.shape[1:3], kernel.shape[:2], strides, padding, groups)
    if x.shape[3] != kernel.shape[2] * groups or kernel.shape[3] % groups:
        raise UserError(
            f"conv: {x.shape[3]} channels and a kernel of shape {kernel.shape} do not fit in "
            f"{groups} groups; a kernel is (height, width, channels / groups, outputs)"
        )
    return _conv(window, x, kernel)


def conv_transpose(
    y: Maps, kernel: Kernel, strides: HW = (1, 1), padding: Padding = "SAME", groups: int = 1
) -> Outputs:
    """Returns the transpose of `conv` with this kernel: from its outputs to its images.

    Length n becomes n * stride with SAME, (n - 1) * stride + kernel with VALID, and that minus the
    padding if it is given as numbers (as in PyTorch, where one number counts for both sides). The
    kernel is that of the forward convolution, (height, width, outputs / groups, inputs).

    Raises:
      UserError: the channels do not fit, or the result would be empty.
    """
    if y.shape[3] != kernel.shape[3] or kernel.shape[3] % groups:
        raise UserError(
            f"conv_transpose: {y.shape[3]} channels and a kernel of shape {kernel.shape} do not "
            f"fit in {groups} groups; a kernel is (height, width, outputs / groups, channels)"
        )
    # Several sizes have these outputs (with stride 2 also one less); this one doubles exactly.
    if padding == "SAME":
        size = [n * s for n, s in zip(y.shape[1:3], strides, strict=True)]
    else:
        cut = ((0, 0), (0, 0)) if isinstance(padding, str) else padding
        axes = zip(y.shape[1:3], strides, kernel.shape[:2], cut, strict=True)
        size = [(n - 1) * s + k - low - high for n, s, k, (low, high) in axes]
    window = _window(tuple(size), kernel.shape[:2], strides, padding, groups)
    # Only explicit padding can give a size whose convolution has other outputs.
    if window.out != y.shape[1:3]:
        raise UserError(
            f"conv_transpose: a kernel of {kernel.shape[:2]} with strides {strides} and padding "
            f"{padding} do not give inputs of {y.shape[1:3]} positions"
        )
    return _conv_transpose(window, y, kernel)


def _window(
    size: Sequence[int], kernel: Sequence[int], strides: HW, padding: Padding, groups: int
) -> Window:
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(size, kernel, strides, padding)
    ends = tuple((int(low), int(high)) for low, high in padding)
    # Read now and kept: the derivatives are traced later, when another precision may be set.
    precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    window = Window(tuple(size), tuple(kernel), tuple(strides), ends, groups, precision)
    if min(window.out) < 1:
        padded = f"images of {tuple(size)} padded by {ends}"
        raise UserError(f"a kernel of {kernel} does not fit into {padded}")
    return window


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _conv(window: Window, x: Array, kernel: Array) -> Array:
    return _lowered(window, conv_by_matmul, _native, x, kernel)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _conv_transpose(window: Window, y: Array, kernel: Array) -> Array:
    """Returns the transpose of `_conv` in its images."""
    return _lowered(window, transpose_by_matmul, _native_transpose, y, kernel)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _conv_kernel(window: Window, x: Array, y: Array) -> Array:
    """Returns the transpose of `_conv` in its kernel."""
    return _lowered(window, kernel_by_matmul, _native_kernel, x, y)


# Without these rules JAX would differentiate the patches: a pad for each slice, and one more layer
# of pads for each further derivative.
_conv.defvjp(
    lambda window, x, kernel: (_conv(window, x, kernel), (x, kernel)),
    lambda window, saved, g: (
        _conv_transpose(window, g, saved[1]),
        _conv_kernel(window, saved[0], g),
    ),
)
_conv_transpose.defvjp(
    lambda window, y, kernel: (_conv_transpose(window, y, kernel), (y, kernel)),
    lambda window, saved, g: (_conv(window, g, saved[1]), _conv_kernel(window, g, saved[0])),
)
_conv_kernel.defvjp(
    lambda window, x, y: (_conv_kernel(window, x, y), (x, y)),
    lambda window, saved, g: (_conv_transpose(window, saved[1], g), _conv(window, saved[0], g)),
)


def _lowered(window: Window, product: Lowering, native: Lowering, *operands: Array) -> Array:
    """Applies one of two forms of an operation, chosen when it is lowered for a platform."""
    # Not by `jax.default_backend()`: the program may be for another platform than this process's.
    return lax.platform_dependent(
        *operands, cpu=functools.partial(product, window), default=functools.partial(native, window)
    )


def _native(window: Window, x: Array, kernel: Array) -> Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        window.strides,
        window.padding,
        dimension_numbers=LAYOUT,
        feature_group_count=window.groups,
        precision=window.precision,
    )


def _native_transpose(window: Window, y: Array, kernel: Array) -> Array:
    # JAX derives the paddings and dilations of the transpose, so they always fit `_native`.
    x = jax.ShapeDtypeStruct((y.shape[0], *window.size, kernel.shape[2] * window.groups), y.dtype)
    return jax.linear_transpose(lambda x: _native(window, x, kernel), x)(y)[0]


def _native_kernel(window: Window, x: Array, y: Array) -> Array:
    shape = (*window.kernel, x.shape[3] // window.groups, y.shape[3])
    kernel = jax.ShapeDtypeStruct(shape, x.dtype)
    return jax.linear_transpose(lambda k: _native(window, x, k), kernel)(y)[0]
