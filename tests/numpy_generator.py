"""The layers that a page computes, in numpy: what each of them means."""

import numpy as np


def compute(layers, z, labels=None):
    """Returns the images, or points, of latents."""
    value, kept = np.asarray(z, np.float64), {}
    for layer in layers:
        value = LAYERS[layer.name](
            value, **layer.settings, **layer.arrays, labels=labels, kept=kept
        )
    return value


def append_label(x, table, labels, **_):
    return np.concatenate([x, table[labels]], axis=1)


def dense(x, kernel, bias=0.0, **_):
    return x @ kernel[0] + bias


def conv(x, size, kernel, bias=0.0, **_):
    """With stride 1 and SAME padding; each group of channels has its own matrix."""
    groups, ends = len(kernel), ((size - 1) // 2, size // 2)
    padded = np.pad(x, ((0, 0), ends, ends, (0, 0)))
    height, width = x.shape[1:3]
    outputs = []
    for group, matrix in zip(np.split(padded, groups, axis=3), kernel, strict=True):
        taps = matrix.reshape(size, size, group.shape[3], -1)
        outputs.append(
            sum(
                group[:, i : i + height, j : j + width] @ taps[i, j]
                for i in range(size)
                for j in range(size)
            )
        )
    return np.concatenate(outputs, axis=3) + bias


def conv_transpose(x, size, stride, padding, kernel, bias=0.0, **_):
    """Each position adds a patch to an image that is `stride` times as large."""
    count, height, width, _ = x.shape
    patches = (x @ kernel[0]).reshape(count, height, width, size, size, -1)
    tall, wide = ((n - 1) * stride + size for n in (height, width))
    image = np.zeros((count, tall, wide, patches.shape[5]))
    for y in range(height):
        for column in range(width):
            top, left = y * stride, column * stride
            image[:, top : top + size, left : left + size] += patches[:, y, column]
    return image[:, padding : tall - padding, padding : wide - padding] + bias


def affine(x, scale, shift, labels, **_):
    if scale.ndim == 2:
        ones = (1,) * (x.ndim - 2)
        scale, shift = (part[labels].reshape(len(x), *ones, -1) for part in (scale, shift))
    return x * scale + shift


def leaky_relu(x, slope, **_):
    return np.where(x < 0, slope * x, x)


def tanh(x, **_):
    return np.tanh(x)


def reshape(x, shape, **_):
    return x.reshape(len(x), *shape)


def scale_maps(x, maps, **_):
    return x[:, None, None] * maps


def upsample_nearest(x, **_):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def upsample_bilinear(x, **_):
    """Each pixel becomes two, 3/4 of it and 1/4 of its neighbour; beyond the edge are zeros."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        zeros = np.zeros_like(x[:1])
        before, after = np.concatenate([zeros, x[:-1]]), np.concatenate([x[1:], zeros])
        pairs = np.stack([3 * x + before, 3 * x + after], axis=1) / 4
        x = np.moveaxis(pairs.reshape(-1, *x.shape[1:]), 0, axis)
    return x


def keep(x, name, kept, **_):
    kept[name] = x
    return x


def load(x, name, kept, **_):
    return kept[name]


def add(x, name, kept, **_):
    return x + kept[name]


FUNCTIONS = (
    append_label, dense, conv, conv_transpose, affine, leaky_relu, tanh, reshape, scale_maps,
    upsample_nearest, upsample_bilinear, keep, load, add,
)  # fmt: skip
LAYERS = {function.__name__: function for function in FUNCTIONS}
