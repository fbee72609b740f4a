"""Each operation of JAX that is written as ONNX gives in onnxruntime what it gives in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest
from jax import lax

from jaxgan.config.errors import UserError
from jaxgan.export.generator import symbolic_inputs
from jaxgan.export.onnx_file import to_model
from jaxgan.export.onnx_operators import OPERATORS
from jaxgan.networks.conv import conv, conv_transpose
from tests.jaxpr_walk import equations
from tests.test_export import of_network

LATENT, CLASSES = 6, 3
TABLE = np.random.RandomState(1).standard_normal((CLASSES, 4)).astype(np.float32)


def kernel(*shape):
    return jnp.asarray(np.random.RandomState(2).standard_normal(shape), jnp.float32)


def maps(z):
    """Images of 4 x 3 pixels and 4 channels."""
    return jnp.tanh(z @ kernel(LATENT, 48)).reshape(z.shape[0], 4, 3, 4)


def convolved(*shape, **options):
    return lambda z, labels: conv(maps(z), kernel(*shape), **options)


def transposed(*shape, **options):
    return lambda z, labels: conv_transpose(maps(z), kernel(*shape), **options)


FUNCTIONS = {
    "arithmetic": lambda z, labels: (-z + 2 * z - 1) / (z**2 + 1) + z**3,
    "exponentials": lambda z, labels: jnp.exp(-z) + jnp.log1p(jnp.exp(z)) + jnp.expm1(z),
    "functions": lambda z, labels: lax.erf(z) + jax.nn.sigmoid(z) + jnp.sin(z) * jnp.cos(z),
    "gelu": lambda z, labels: jax.nn.gelu(z),
    "softplus": lambda z, labels: jax.nn.softplus(z),
    "silu and elu": lambda z, labels: jax.nn.silu(z) + jax.nn.elu(z),
    "roots": lambda z, labels: jnp.sqrt(abs(z)) + lax.rsqrt(z * z + 1) + jnp.sign(z),
    "rounding": lambda z, labels: jnp.round(4 * z) / 2 + jnp.floor(z) + jnp.ceil(z),
    "powers": lambda z, labels: jnp.power(abs(z), 1.5) + jnp.square(z),
    "logarithm": lambda z, labels: jnp.log(abs(z) + 1) * (z >= 0.5),
    "size of the batch": lambda z, labels: z / jnp.float32(z.shape[0]),
    "statistics of the batch": lambda z, labels: z - z.mean(0, keepdims=True),
    "limits": lambda z, labels: jnp.clip(z, -0.5, 0.5) + lax.clamp(-1.0, z, 1.0),
    "choices": lambda z, labels: jnp.where((z > 0) & (z < 1) | ~(z <= 2), z, 0.0) + (z != z[:, :1]),
    "sums": lambda z, labels: z.sum(1, keepdims=True) + z.mean(-1)[:, None] + z.max(1)[:, None],
    "norm": lambda z, labels: z / jnp.linalg.norm(z, axis=-1, keepdims=True) - z.min(1)[:, None],
    "softmax": lambda z, labels: jax.nn.softmax(z),
    "slices": lambda z, labels: jnp.concatenate(
        [z[:, 1:4], z[:, ::-2], lax.slice_in_dim(z, 2, 3, axis=1)], axis=1
    ),
    "index": lambda z, labels: maps(z)[:, 1, :, 2],
    "stack": lambda z, labels: jnp.stack([z, 2 * z], axis=1),
    "padding": lambda z, labels: jnp.pad(z, ((0, 0), (2, 1)), constant_values=3.0),
    "cropping": lambda z, labels: lax.pad(z, 0.0, ((0, 0, 0), (-1, -2, 0))),
    "axes": lambda z, labels: maps(z).transpose(0, 3, 1, 2)[:, None].squeeze(1),
    "products": lambda z, labels: jnp.einsum("bi,bj->bij", z, z) @ kernel(LATENT, 2),
    "batched products": lambda z, labels: jnp.einsum("bhwc,bhwd->bcd", maps(z), maps(2 * z)),
    "rows of a table": lambda z, labels: jnp.asarray(TABLE)[labels],
    "one-hot": lambda z, labels: jax.nn.one_hot(labels, CLASSES) @ TABLE,
    "broadcast to the batch": lambda z, labels: jnp.broadcast_to(TABLE, (z.shape[0], CLASSES, 4)),
    "conv": convolved(3, 3, 4, 5),
    "conv with strides": convolved(3, 2, 4, 5, strides=(2, 1), padding="VALID"),
    "conv with groups": convolved(3, 3, 2, 6, groups=2),
    "conv with padding": convolved(2, 2, 4, 1, padding=((2, 0), (0, 1))),
    "transposed conv": transposed(4, 4, 5, 4, strides=(2, 2), padding=((1, 1), (1, 1))),
    "transposed conv SAME": transposed(3, 3, 5, 4, strides=(2, 2)),
    "transposed conv VALID": transposed(2, 3, 5, 4, strides=(3, 2), padding="VALID"),
    "transposed conv with groups": transposed(4, 4, 3, 4, strides=(2, 2), groups=2),
    "transposed conv without strides": transposed(3, 3, 5, 4),
}


def traced(function):
    generator = of_network("mlp", True)
    return jax.make_jaxpr(function)(*symbolic_inputs(generator))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_operation_gives_the_same_in_onnxruntime(name):
    function = FUNCTIONS[name]
    model = to_model(function, symbolic_inputs(of_network("mlp", True)))
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    z = np.random.RandomState(0).standard_normal((5, LATENT)).astype(np.float32)
    labels = np.array([0, 2, 1, 1, 0], np.int32)
    (found,) = session.run(None, {"latents": z, "labels": labels})
    want = np.asarray(function(jnp.asarray(z), jnp.asarray(labels)))
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, rtol=2e-5, atol=2e-6)


def test_every_operation_of_the_table_is_compared():
    used = {e.primitive.name for f in FUNCTIONS.values() for e in equations(traced(f).jaxpr)}
    never = {"add_any", "copy_p", "copy", "expand_dims", "logistic"}
    assert set(OPERATORS) - used - never == set()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda z, labels: lax.pad(z, 0.0, ((0, 0, 0), (0, 0, 1))), "a pad between the elements"),
        (lambda z, labels: lax.round(z), "a rounding of halves away from zero"),
        (lambda z, labels: jnp.asarray(TABLE)[labels, labels], "a gather of other than whole rows"),
        (lambda z, labels: z.reshape(-1)[: z.shape[0]], "a slice of the batch"),
        (lambda z, labels: jnp.broadcast_to(1.0, (2 * z.shape[0],)), "a broadcast to"),
    ],
)
def test_a_form_without_a_translation_is_named(function, reason):
    with pytest.raises(UserError, match=reason):
        to_model(function, symbolic_inputs(of_network("mlp", True)))
