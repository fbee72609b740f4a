"""A trained generator as a list of layers, which the report page computes without JAX.

There is one function per network. It repeats what the module's `__call__` does at test time, with
batch norm as one scale and one shift. Arrays of images are (height, width, channels).
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.gan.standing_stats import BATCH_STATS
from jaxgan.gan.state import Gan
from jaxgan.networks import dcgan, mlp, r3gan, sngan
from jaxgan.networks.layers import EPSILON
from jaxgan.types import Params

Variables = Mapping[str, Any]  # a module's parameters, or its other variables


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer: `generator.js` has a function of the same name for each kind.

    Attributes:
      name: the kind of layer.
      settings: numbers and names that it needs.
      arrays: float32 arrays that it needs. A kernel is (groups, inputs, outputs): a layer with one
        is a matrix product for each group, of inputs that a convolution takes from patches.
      multiplications: in the matrix products of one example.
    """

    name: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    multiplications: int = 0


def generator_layers(gan: Gan, params: Params, stats: Params) -> list[Layer]:
    """Returns the layers from latents to images in about [-1, 1], or to points.

    Args:
      params, stats: of the generator, as `inference_variables` returns them.

    Raises:
      UserError: the network is not one of jaxgan's.
    """
    module = gan.gen.module
    if type(module) not in NETWORK_LAYERS:
        known = ", ".join(sorted(kind.__module__.split(".")[-1] for kind in NETWORK_LAYERS))
        raise UserError(
            f"the generator {type(module).__module__}.{type(module).__qualname__} has no layers "
            f"that a page can compute; it can compute those of {known}"
        )
    return list(NETWORK_LAYERS[type(module)](module, params, stats))


def mlp_layers(gen: mlp.Generator, params: Variables, stats: Variables) -> Iterator[Layer]:
    del stats
    if gen.classes:
        yield _append_label(np.eye(gen.classes))
    for index in range(len(gen.widths)):
        yield _dense(params[f"Linear_{index}"]["dense"])
        yield _leaky_relu(mlp.NEGATIVE_SLOPE)
    yield _dense(params[f"Linear_{len(gen.widths)}"]["dense"])
    if len(gen.image_shape) == 3:
        yield Layer("tanh")
    yield _reshape(*gen.image_shape)


def dcgan_layers(gen: dcgan.Generator, params: Variables, stats: Variables) -> Iterator[Layer]:
    side, dense_layers = gen.resolution.base, len(gen.widths) + 1
    for index in range(dense_layers):
        yield _dense(params[f"Dense_{index}"])
        if index == dense_layers - 1:
            yield _reshape(side, side, gen.channels * 2 ** (gen.resolution.doublings - 1))
        yield from _batch_norm_relu(f"BatchNorm_{index}", params, stats[BATCH_STATS])
    for index in range(gen.resolution.doublings):
        if index:
            name = f"BatchNorm_{dense_layers - 1 + index}"
            yield from _batch_norm_relu(name, params, stats[BATCH_STATS])
        yield _conv_transpose(params[f"ConvTranspose_{index}"], side)
        side *= 2
    yield Layer("tanh")


def sngan_layers(gen: sngan.Generator, params: Variables, stats: Variables) -> Iterator[Layer]:
    side, stats = gen.resolution.base, stats[BATCH_STATS]
    yield _dense(params["Dense_0"])
    yield _reshape(side, side, gen.channels)
    for index in range(gen.resolution.doublings):
        block, block_stats = params[f"UpBlock_{index}"], stats[f"UpBlock_{index}"]
        yield Layer("keep", {"name": "inputs"})
        yield from _batch_norm_relu("BatchNorm_0", block, block_stats)
        yield Layer("upsample_nearest")
        yield _conv(block["Conv_0"], 2 * side)
        yield from _batch_norm_relu("BatchNorm_1", block, block_stats)
        yield _conv(block["Conv_1"], 2 * side)
        yield Layer("keep", {"name": "residual"})
        yield Layer("load", {"name": "inputs"})
        yield _conv(block["Conv_2"], side)
        yield Layer("upsample_nearest")
        yield Layer("add", {"name": "residual"})
        side *= 2
    yield from _batch_norm_relu("BatchNorm_0", params, stats)
    yield _conv(params["Conv_0"], side)
    yield Layer("tanh")


def r3gan_layers(gen: r3gan.Generator, params: Variables, stats: Variables) -> Iterator[Layer]:
    del stats
    side = gen.resolution.base
    if gen.classes:
        yield _append_label(params["embed"]["kernel"])
    yield _dense(params["Dense_0"])
    yield Layer("scale_maps", arrays={"maps": np.asarray(params["basis"])[0]})
    for stage, groups in enumerate(gen.cardinality):
        if stage:
            if transition := params.get(f"Transition_{stage}"):
                yield _conv(transition, side)
            yield Layer("upsample_bilinear")
            side *= 2
        for index in range(stage * gen.blocks, (stage + 1) * gen.blocks):
            block = params[f"Block_{index}"]
            yield Layer("keep", {"name": "inputs"})
            yield _conv(block["Conv_0"], side)
            yield _leaky_relu(r3gan.NEGATIVE_SLOPE)
            yield _conv(block["Conv_1"], side, groups)
            yield _leaky_relu(r3gan.NEGATIVE_SLOPE)
            yield _conv(block["Conv_2"], side)
            yield Layer("add", {"name": "inputs"})
    yield _conv(params["Conv_0"], side)


def _append_label(table: Any) -> Layer:
    """Appends to the latents the row of a table (classes, numbers) that belongs to the label."""
    return Layer("append_label", arrays={"table": np.asarray(table, np.float32)})


def _dense(params: Variables) -> Layer:
    kernel = np.asarray(params["kernel"])[None]
    return Layer("dense", {}, {"kernel": kernel} | _bias(params), kernel.size)


def _reshape(*shape: int) -> Layer:
    return Layer("reshape", {"shape": shape})


def _conv(params: Variables, side: int, groups: int = 1) -> Layer:
    """Convolves maps of this side with stride 1 and SAME padding."""
    kernel = np.asarray(params["kernel"])
    inputs = kernel.shape[0] * kernel.shape[1] * kernel.shape[2]
    matrices = np.moveaxis(kernel.reshape(inputs, groups, -1), 1, 0)
    arrays = {"kernel": matrices} | _bias(params)
    return Layer("conv", {"size": kernel.shape[0]}, arrays, side**2 * kernel.size)


def _conv_transpose(params: Variables, side: int) -> Layer:
    """Transposes dcgan's convolution; `side` is that of the smaller maps, which it doubles."""
    kernel = np.asarray(params["kernel"])  # (height, width, outputs, inputs)
    matrix = kernel.reshape(-1, kernel.shape[3]).T[None]
    settings = {
        "size": kernel.shape[0],
        "stride": dcgan.STRIDES[0],
        "padding": dcgan.PADDING[0][0],
    }
    arrays = {"kernel": matrix} | _bias(params)
    return Layer("conv_transpose", settings, arrays, side**2 * kernel.size)


def _bias(params: Variables) -> dict[str, np.ndarray]:
    return {"bias": np.asarray(params["bias"])} if "bias" in params else {}


def _batch_norm_relu(name: str, params: Variables, stats: Variables) -> Iterator[Layer]:
    """Yields batch norm as x * scale + shift, one row of both for each class, and a ReLU."""
    # In float64, since the shift may be a difference of large numbers.
    gain, bias = (np.asarray(params[name][key], np.float64) for key in ("gain", "bias"))
    mean, variance = (np.asarray(stats[name][key], np.float64) for key in ("mean", "variance"))
    scale = gain / np.sqrt(variance + EPSILON)
    arrays = {"scale": scale, "shift": bias - mean * scale}
    yield Layer("affine", arrays={key: x.astype(np.float32) for key, x in arrays.items()})
    yield _leaky_relu(0.0)


def _leaky_relu(slope: float) -> Layer:
    return Layer("leaky_relu", {"slope": slope})


NETWORK_LAYERS: dict[type, Callable[[Any, Variables, Variables], Iterator[Layer]]] = {
    mlp.Generator: mlp_layers,
    dcgan.Generator: dcgan_layers,
    sngan.Generator: sngan_layers,
    r3gan.Generator: r3gan_layers,
}
