"""Layers that the networks share: dense and convolutional layers, normalization, labels."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.networks.conv import Maps, Outputs, Padding, conv, conv_transpose
from jaxgan.networks.im2col import HW
from jaxgan.parallel.deterministic_mean import batch_mean
from jaxgan.types import Labels, Logits, PRNGKey

ZEROS = nn.initializers.zeros
EPSILON = 1e-5  # added to the variance in batch norm
RUNNING_STEP = 0.1  # 1 - momentum of batch norm's running averages


class Dense(nn.Module):
    """Computes x @ kernel + bias; `spectral` divides the kernel by its spectral norm."""

    features: int
    kernel_init: Callable
    bias: bool = True
    spectral: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "batch in"], train: bool) -> Float[Array, "batch out"]:
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features))
        if self.spectral:
            kernel = spectral_normalize(self, kernel, train)
        return add_bias(self, x @ kernel)


class Conv(nn.Module):
    """A convolution; `spectral` divides the kernel, as a matrix, by its spectral norm."""

    features: int
    kernel: HW
    kernel_init: Callable
    strides: HW = (1, 1)
    padding: Padding = "SAME"
    groups: int = 1
    bias: bool = True
    spectral: bool = False

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Outputs:
        shape = (*self.kernel, x.shape[-1] // self.groups, self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        if self.spectral:
            kernel = spectral_normalize(self, kernel, train)
        return add_bias(self, conv(x, kernel, self.strides, self.padding, self.groups))


class ConvTranspose(nn.Module):
    """The transpose of a convolution."""

    features: int
    kernel: HW
    kernel_init: Callable
    strides: HW = (1, 1)
    padding: Padding = "SAME"
    bias: bool = True

    @nn.compact
    def __call__(self, x: Maps) -> Outputs:
        kernel = self.param("kernel", self.kernel_init, (*self.kernel, self.features, x.shape[-1]))
        return add_bias(self, conv_transpose(x, kernel, self.strides, self.padding))


class BatchNorm(nn.Module):
    """Batch normalization over the whole batch; conditional if there are classes.

    With classes, gain and bias are those of each image's label (Dumoulin et al. 2017, de Vries et
    al. 2017). When not training, the running averages are used. Unlike Flax's, it is the same
    program with and without gradients, so that the compiler merges the generator's pass for D with
    the one for G. Statistics of bfloat16 inputs are in float32.
    """

    classes: int = 0

    @nn.compact
    def __call__(self, x: Array, train: bool, labels: Labels | None = None) -> Array:
        width, axes, dtype = x.shape[-1:], tuple(range(x.ndim - 1)), x.dtype
        x = at_least_float32(x)
        saved_mean = self.variable("batch_stats", "mean", jnp.zeros, width)
        saved_variance = self.variable("batch_stats", "variance", jnp.ones, width)
        mean, variance = saved_mean.value, saved_variance.value
        if train:
            mean = batch_mean(x, axes)
            # Around the mean: E[x^2] - E[x]^2 loses digits where the mean is large.
            variance = batch_mean((x - _along(mean, x)) ** 2, axes)
            # The images at initialization are made up, and must leave no trace in the averages.
            if not self.is_initializing():
                saved_mean.value += RUNNING_STEP * (mean - saved_mean.value)
                saved_variance.value += RUNNING_STEP * (variance - saved_variance.value)
        shape = (self.classes, *width) if self.classes else width
        gain = self.param("gain", near_one if self.classes else nn.initializers.ones, shape)
        bias = self.param("bias", ZEROS, shape)
        if self.classes:
            gain, bias = gain[labels], bias[labels]
        scale = _along(jax.lax.rsqrt(variance + EPSILON), gain) * gain
        return ((x - _along(mean, x)) * _along(scale, x) + _along(bias, x)).astype(dtype)


class Projection(nn.Module):
    """Returns one logit per image from its features (projection discriminator).

    With classes, the inner product of the features with an embedding of the label is added
    (Miyato and Koyama 2018, equation 3).

    Attributes:
      embed_init: initializer of the (classes, features) embedding; None: `kernel_init`.
    """

    kernel_init: Callable
    classes: int = 0
    spectral: bool = False
    embed_init: Callable | None = None

    @nn.compact
    def __call__(
        self, features: Float[Array, "batch features"], train: bool, labels: Labels | None = None
    ) -> Logits:
        require_labels(labels, self.classes)
        dense = Dense(1, self.kernel_init, spectral=self.spectral, name="dense")
        logits = dense(features, train).squeeze(-1)
        if not self.classes:
            return logits
        one_hot = jax.nn.one_hot(labels, self.classes, dtype=features.dtype)
        init = self.embed_init or self.kernel_init
        embed = Dense(features.shape[-1], init, False, self.spectral, name="embed")
        return logits + jnp.sum(features * embed(one_hot, train), axis=-1)


def require_labels(labels: Labels | None, classes: int) -> None:
    """Raises ValueError unless labels are given exactly if the network has classes."""
    if (labels is None) == bool(classes):
        given = "without labels" if labels is None else "with labels"
        raise ValueError(f"a network of {classes} classes was called {given}")


def near_one(key: PRNGKey, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
    """Draws from a normal distribution with mean 1 and deviation 0.02."""
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


def add_bias(module: nn.Module, x: Array) -> Array:
    """Returns x plus the module's bias, if it has one. Call it within the module's `__call__`."""
    if not module.bias:  # type: ignore[attr-defined]
        return x
    bias = module.param("bias", ZEROS, (x.shape[-1],))
    return x + _along(bias, x)


def spectral_normalize(module: nn.Module, kernel: Array, train: bool) -> Array:
    """Returns the kernel divided by its spectral norm (Miyato et al. 2018, Algorithm 1).

    Call it within the module's `__call__`. In training, each call does one power iteration, from
    where the last one ended. Gradients treat the singular vectors as constants. The norm of a
    bfloat16 kernel is computed in float32.
    """
    matrix = at_least_float32(kernel.reshape(-1, kernel.shape[-1]))

    def random_direction() -> Array:
        return _unit(jax.random.normal(module.make_rng("params"), matrix.shape[1:], matrix.dtype))

    # Kept between steps: the kernel changes little in a step, so one iteration each is enough.
    saved = module.variable("spectral", "u", random_direction)
    u = saved.value
    # As in the paper. At the exact singular vectors this is the gradient of the norm itself.
    fixed = jax.lax.stop_gradient(matrix)
    v = _unit(fixed @ u)
    if train:
        u = _unit(v @ fixed)
        saved.value = u
    return (kernel / (v @ matrix @ u)).astype(kernel.dtype)


def maybe_remat(block: type[nn.Module], remat: bool) -> Callable[..., Any]:
    """Returns the block class, or with `remat` one that is computed again for its gradients.

    It is called as `block(x, train, ...)`. Give it the name that it would have without `remat`.
    """
    # Argument 2 is `train`, after the module and its input: a Python bool that chooses a branch.
    return nn.remat(block, static_argnums=(2,)) if remat else block


def at_least_float32(x: Array) -> Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _along(values: Array, x: Array) -> Array:
    """Inserts axes of length 1 into (features,) or (batch, features), to broadcast with x."""
    ones = (1,) * (x.ndim - values.ndim)
    return values.reshape((*values.shape[:-1], *ones, values.shape[-1]))


def _unit(vector: Array) -> Array:
    # A kernel of zeros gives a vector of zeros, which must not become NaN.
    return vector / (jnp.linalg.norm(vector) + 1e-12)
