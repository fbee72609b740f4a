"""Copies our weights into PyTorch's networks, so that both train from the same ones.

This module needs PyTorch.
"""

from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import nn

from jaxgan.bench.pytorch_networks import Block, SpreadOnBasis
from jaxgan.types import Params

# Our names of the layers of each class; of several, the one that the network has.
NAMES: dict[type, tuple[str, ...]] = {
    nn.Linear: ("Dense", "Linear", "Projection"),
    nn.Conv2d: ("Conv",),
    nn.ConvTranspose2d: ("ConvTranspose",),
    nn.BatchNorm1d: ("BatchNorm",),
    nn.BatchNorm2d: ("BatchNorm",),
    Block: ("Block",),
}


@torch.no_grad()
def copy_weights(net: Any, params: Params, channels: int) -> None:
    """Copies the weights of one of our networks into the same network in PyTorch.

    Args:
      net: an `nn.Sequential` of `pytorch_networks`.
      channels: of the images.
    """
    used: Counter[str] = Counter()
    layers = list(net)
    for index, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d):
            channels = layer.out_channels
        if isinstance(layer, SpreadOnBasis):
            layer.basis.copy_(_tensor(np.transpose(params["basis"], (0, 3, 1, 2))))
        elif isinstance(layer, Block):
            copy_weights(layer.layers, _next(params, used, type(layer)), channels)
        elif isinstance(layer, nn.Linear):
            _copy_dense(layer, _next(params, used, nn.Linear), layers, index, channels)
        elif type(layer) in NAMES:
            _copy_layer(layer, _next(params, used, type(layer)))


def _next(params: Params, used: Counter[str], kind: type) -> Any:
    """Returns the parameters of the next layer of a class."""
    for name in NAMES[kind]:
        if (key := f"{name}_{used[name]}") in params:
            used[name] += 1
            return params[key].get("dense", params[key])
    raise KeyError(f"no layer is left for {kind.__name__} in {sorted(params)}")


def _copy_layer(layer: Any, ours: Any) -> None:
    if "gain" in ours:
        layer.weight.copy_(_tensor(ours["gain"]))
    else:  # HWIO, as the forward convolution has it also where this layer is its transpose
        layer.weight.copy_(_tensor(np.transpose(ours["kernel"], (3, 2, 0, 1))))
    if layer.bias is not None:
        layer.bias.copy_(_tensor(ours["bias"]))


def _copy_dense(layer: Any, ours: Any, layers: list[Any], index: int, channels: int) -> None:
    """Copies a dense layer whose inputs or outputs may be flattened images: ours are NHWC."""
    kernel = np.asarray(ours["kernel"])
    rows, columns = np.arange(kernel.shape[0]), np.arange(kernel.shape[1])
    if index and isinstance(layers[index - 1], nn.Flatten):
        rows = _nchw_order(len(rows), channels)
    following = (x for x in layers[index + 1 :] if isinstance(x, nn.Linear | nn.Unflatten))
    if isinstance(image := next(following, None), nn.Unflatten):
        columns = _nchw_order(len(columns), image.unflattened_size[0])
    layer.weight.copy_(_tensor(kernel[rows][:, columns].T))
    if layer.bias is not None:
        layer.bias.copy_(_tensor(np.asarray(ours["bias"])[columns]))


def _nchw_order(size: int, channels: int) -> np.ndarray:
    """Returns the index in an image flattened as HWC of each value of one flattened as CHW."""
    return np.arange(size).reshape(-1, channels).T.reshape(-1)


def _tensor(values: Any) -> Any:
    return torch.from_numpy(np.array(values))
