"""Arrays for the Inception network from numpy's random numbers, named as in the published file."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.inception import SIDE, Inception


def random_arrays(seed=0):
    """Returns an array for each name, with which activations neither die nor grow."""
    images = jax.ShapeDtypeStruct((1, SIDE, SIDE, 3), jnp.float32)
    shapes = jax.eval_shape(Inception().init, jax.random.key(0), images)["params"]
    draw = np.random.default_rng(seed).standard_normal
    arrays = {}
    for layer in sorted(set(shapes) - {"fc"}):
        height, width, inputs, outputs = shapes[layer]["kernel"].shape
        scale = np.float32(np.sqrt(2 / (height * width * inputs)))
        arrays[f"{layer}.conv.weight"] = scale * draw((outputs, inputs, height, width), np.float32)
        norm = {
            "weight": 1 + 0.2 * np.tanh(draw(outputs, np.float32)),
            "bias": 0.1 * draw(outputs, np.float32),
            "running_mean": 0.1 * draw(outputs, np.float32),
            "running_var": 1 + 0.3 * np.tanh(draw(outputs, np.float32)),
        }
        for name, values in norm.items():
            arrays[f"{layer}.bn.{name}"] = values.astype(np.float32)
        arrays[f"{layer}.bn.num_batches_tracked"] = np.zeros((), np.int64)
    inputs, outputs = shapes["fc"]["kernel"].shape
    scale = np.float32(2 / np.sqrt(inputs))
    arrays["fc.weight"] = scale * draw((outputs, inputs), np.float32)
    arrays["fc.bias"] = (0.1 * draw(outputs, np.float32)).astype(np.float32)
    return arrays
