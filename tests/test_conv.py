import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan.config.errors import UserError
from jaxgan.networks import conv as module
from jaxgan.networks import im2col
from jaxgan.networks.conv import LAYOUT, conv, conv_transpose

CASES = {  # from images to outputs: image size, kernel, strides, padding, groups
    "3x3": ((8, 8), (3, 3), (1, 1), "SAME", 1),
    "odd width": ((5, 7), (3, 3), (1, 1), "SAME", 1),
    "1x1": ((5, 6), (1, 1), (1, 1), "SAME", 1),
    "1x1 by 2": ((5, 6), (1, 1), (2, 2), "VALID", 1),
    "4x4 by 2, as in DCGAN": ((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1)), 1),
    "odd sizes": ((7, 9), (3, 3), (2, 2), "SAME", 1),
    "rows left over": ((8, 9), (3, 2), (3, 2), "VALID", 1),
    "uneven": ((9, 7), (5, 2), (2, 3), ((2, 1), (0, 3)), 1),
    "kernel smaller than stride": ((9, 9), (2, 1), (3, 2), "SAME", 1),
    "as large as the image": ((4, 3), (4, 3), (1, 1), "VALID", 1),
    "even kernel": ((6, 6), (4, 2), (1, 1), "SAME", 1),
    "padding crops": ((8, 8), (3, 3), (1, 1), ((-1, 0), (0, -2)), 1),
    "grouped": ((6, 5), (3, 3), (1, 1), "SAME", 2),
    "grouped by 2": ((7, 8), (4, 3), (2, 2), "SAME", 4),
    "depthwise": ((6, 6), (3, 3), (2, 1), "VALID", 4),
}
TRANSPOSED = ["4x4 by 2, as in DCGAN", "odd sizes", "rows left over", "uneven", "grouped by 2"]


def operands(size, kernel, groups):
    keys = jax.random.split(jax.random.key(0), 2)
    x = jax.random.normal(keys[0], (3, *size, 4), jnp.float64)
    return x, jax.random.normal(keys[1], (*kernel, 4 // groups, 8), jnp.float64)


def native(x, kernel, strides, padding, groups):
    return lax.conv_general_dilated(
        x, kernel, strides, padding, dimension_numbers=LAYOUT, feature_group_count=groups
    )


def with_derivatives(function, x, kernel):
    """Outputs, the gradients of a loss, and those of the squared norm of its gradients."""

    def loss(x, kernel):
        outputs = function(x, kernel)
        return jnp.sum(jnp.sin(outputs)), outputs

    def penalty(x, kernel):
        grads, outputs = jax.grad(loss, (0, 1), has_aux=True)(x, kernel)
        return sum(jnp.sum(grad**2) for grad in grads), (outputs, grads)

    options = {"xla_backend_optimization_level": 0}  # most of the time is compilation
    return jax.jit(jax.grad(penalty, (0, 1), has_aux=True), compiler_options=options)(x, kernel)


def assert_same(ours, theirs):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9), ours, theirs)


def assert_native(name):
    size, kernel, strides, padding, groups = CASES[name]
    x, weights = operands(size, kernel, groups)
    ours, theirs = (
        with_derivatives(lambda x, w, f=f: f(x, w, strides, padding, groups), x, weights)
        for f in (conv, native)
    )
    assert_same(ours, theirs)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("float64")
def test_conv_is_the_native_one_with_first_and_second_derivatives(name):
    assert_native(name)


@pytest.mark.parametrize("name", ["3x3", "1x1"])
@pytest.mark.usefixtures("float64")
def test_kernels_of_many_channels_are_the_native_ones_too(name, monkeypatch):
    monkeypatch.setattr(im2col, "PAIRED_CHANNELS", 0)
    monkeypatch.setattr(im2col, "NARROW_CHANNELS", 0)
    assert_native(name)


@pytest.mark.parametrize("name", TRANSPOSED)
@pytest.mark.usefixtures("float64")
def test_conv_transpose_is_the_transpose_of_the_native_one(name):
    size, kernel, strides, padding, groups = CASES[name]
    x, weights = operands(size, kernel, groups)
    y = jax.random.normal(
        jax.random.key(1), native(x, weights, strides, padding, groups).shape, jnp.float64
    )
    x = jnp.zeros((3, *smallest(y.shape[1:3], kernel, strides, padding), 4))

    def transposed(y, weights):
        def forward(x):
            return native(x, weights, strides, padding, groups)

        return jax.linear_transpose(forward, x)(y)[0]

    ours = with_derivatives(lambda y, w: conv_transpose(y, w, strides, padding, groups), y, weights)
    assert_same(ours, with_derivatives(transposed, y, weights))


@pytest.mark.parametrize("name", TRANSPOSED)
@pytest.mark.usefixtures("float64")
def test_what_other_platforms_compute_is_the_native_convolution_with_derivatives(name, monkeypatch):
    monkeypatch.setattr(
        module, "_lowered", lambda window, _, native, *operands: native(window, *operands)
    )
    assert_native(name)


def smallest(outputs, kernel, strides, padding):
    """Height and width of the smallest images with that many outputs; with SAME, of the largest."""
    if padding == "SAME":
        return [n * s for n, s in zip(outputs, strides, strict=True)]
    ends = ((0, 0), (0, 0)) if padding == "VALID" else padding
    every = zip(outputs, kernel, strides, ends, strict=True)
    return [(n - 1) * s + k - sum(end) for n, k, s, end in every]


def test_a_program_for_cpu_has_no_convolution_and_one_for_other_platforms_has():
    x, weights = jnp.zeros((2, 6, 6, 4)), jnp.zeros((3, 3, 4, 8))
    traced = jax.jit(jax.grad(lambda w: jnp.sum(conv(x, w) ** 2))).trace(weights)
    for platform, native_there in (("cpu", False), ("cuda", True), ("tpu", True)):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert ("stablehlo.convolution" in text) == native_there
    text = traced.lower(lowering_platforms=("cpu", "cuda")).as_text()
    assert "stablehlo.convolution" in text


def test_seeds_side_by_side_convolve_each_with_its_own_kernel():
    x = jax.random.normal(jax.random.key(0), (2, 3, 6, 6, 4))
    weights = jax.random.normal(jax.random.key(1), (2, 3, 3, 4, 8))
    together = jax.vmap(jax.grad(lambda w, x: jnp.sum(conv(x, w) ** 2)))(weights, x)
    for i in range(2):
        alone = jax.grad(lambda w, i=i: jnp.sum(conv(x[i], w) ** 2))(weights[i])
        np.testing.assert_allclose(together[i], alone, rtol=1e-4, atol=1e-3)


def test_shapes_that_do_not_fit_are_refused():
    x, weights = jnp.zeros((2, 6, 6, 4)), jnp.zeros((3, 3, 4, 8))
    for call, message in (
        (lambda: conv(x, weights, groups=2), r"4 channels .* \(3, 3, 4, 8\) do not fit in 2"),
        (lambda: conv(x, jnp.zeros((7, 7, 4, 8)), padding="VALID"), r"\(7, 7\) does not fit"),
        (lambda: conv_transpose(x, weights), r"4 channels .* \(3, 3, 4, 8\) do not fit in 1"),
    ):
        with pytest.raises(UserError, match=message):
            call()
