"""Layers and blocks of the networks, each by what it computes."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.networks import r3gan, sngan
from jaxgan.networks.layers import BatchNorm, Conv, Dense, Projection, spectral_normalize
from jaxgan.networks.r3gan import normal
from tests.test_networks import KEY, called, pictures, quick, small, started


@pytest.mark.parametrize("spectral", [False, True])
def test_projection_adds_the_inner_product_of_features_and_the_labels_embedding(spectral):
    module, features = Projection(normal(1.0), 3, spectral), jax.random.normal(KEY, (4, 5))
    labels = jnp.array([0, 2, 1, 2])
    variables = started(module, features, labels[:1])
    logits, _ = called(module, variables, features, labels, train=False)
    embed, dense = (variables["params"][name]["kernel"] for name in ("embed", "dense"))
    if spectral:
        embed, dense = (
            kernel / (v @ kernel @ u)
            for kernel, u in (
                (embed, variables["spectral"]["embed"]["u"]),
                (dense, variables["spectral"]["dense"]["u"]),
            )
            for v in [kernel @ u / jnp.linalg.norm(kernel @ u)]
        )
    wanted = features @ dense[:, 0] + jnp.sum(features * embed[labels], axis=1)
    np.testing.assert_allclose(logits, wanted, rtol=1e-5, atol=1e-5)


def test_the_logit_of_r3gan_is_the_inner_product_with_the_labels_embedding():
    _, disc = small("r3gan", (16, 16, 1), classes=16)
    images = pictures((16, 16, 1))
    variables = started(disc, images, jnp.zeros(1, jnp.int32))

    def logits_of(embedding):  # of label 0
        embed = {"kernel": jnp.zeros((16, 16)).at[0].set(embedding)}
        params = {**variables["params"], "embed": embed}
        return called(disc, {"params": params}, images, jnp.zeros(3, jnp.int32))[0]

    weights = jax.random.normal(KEY, (16,))
    each = jnp.stack([logits_of(row) for row in jnp.eye(16)[:3]])
    np.testing.assert_allclose(
        logits_of(weights.at[3:].set(0)), weights[:3] @ each, rtol=1e-4, atol=1e-5
    )
    assert not jnp.any(logits_of(jnp.zeros(16)))


def test_embeddings_of_r3gan_start_scaled_by_classes_and_features():
    gen, disc = small("r3gan", (16, 16, 1), classes=100)
    z, label = jnp.zeros((1, 6)), jnp.zeros(1, jnp.int32)
    for net, inputs, wanted in ((gen, z, 1 / 10), (disc, pictures((16, 16, 1)), 1 / (10 * 4))):
        embedding = started(net, inputs, label)["params"]["embed"]["kernel"]
        np.testing.assert_allclose(jnp.std(embedding), wanted, rtol=0.1)


def test_the_projection_is_the_inner_product_with_the_embedding_of_the_label():
    _, disc = small("mlp", classes=3, disc_widths=())
    images = pictures()
    variables = started(disc, images, jnp.zeros(1, jnp.int32))
    zero, two = (called(disc, variables, images, jnp.full(3, label))[0] for label in (0, 2))
    embedding = variables["params"]["embed"]["dense"]["kernel"]
    wanted = images.reshape(3, -1) @ (embedding[2] - embedding[0])
    np.testing.assert_allclose(two - zero, wanted, rtol=1e-4, atol=1e-5)


def test_batch_norm_has_mean_0_and_variance_1_over_a_batch_and_gain_and_bias_of_the_label():
    x = 3 + 2 * jax.random.normal(jax.random.key(0), (8, 5, 5, 4))
    variables = started(BatchNorm(), x)
    normal, updated = called(BatchNorm(), variables, x)
    np.testing.assert_allclose(normal.mean((0, 1, 2)), np.zeros(4), atol=1e-5)
    np.testing.assert_allclose(normal.std((0, 1, 2)), np.ones(4), rtol=1e-4)
    wanted = np.asarray(x).mean((0, 1, 2)) / 10  # a tenth of the way from 0
    np.testing.assert_allclose(updated["batch_stats"]["mean"], wanted, rtol=1e-4)
    labels = jnp.array([0, 1] * 4)
    module = BatchNorm(classes=2)
    gain, bias = jnp.array([[1.0] * 4, [2.0] * 4]), jnp.array([[0.0] * 4, [5.0] * 4])
    variables = started(module, x, labels[:1]) | {"params": {"gain": gain, "bias": bias}}
    seen, _ = called(module, variables, x, labels)
    np.testing.assert_allclose(seen[::2], normal[::2], atol=1e-5)
    np.testing.assert_allclose(seen[1::2], 2 * normal[1::2] + 5, atol=1e-4)


class Kernel(nn.Module):
    """A kernel divided by its spectral norm."""

    shape: tuple[int, ...]
    kernel_init: Callable

    @nn.compact
    def __call__(self, _, train):
        return spectral_normalize(self, self.param("kernel", self.kernel_init, self.shape), train)


@pytest.mark.parametrize("shape", [(5, 7), (3, 2, 5, 7)], ids=str)
def test_the_gradient_of_a_normalised_kernel_is_that_of_dividing_by_the_norm(shape):
    module, x = Kernel(shape, normal(1.0)), jnp.zeros((1, 1))
    variables = started(module, x)
    update = quick(lambda v: {**v, **module.apply(v, x, True, mutable=["spectral"])[1]})
    for _ in range(100):
        variables = update(variables)
    weights = jax.random.normal(KEY, shape)

    def ours(params):
        kernel = module.apply({**variables, "params": params}, x, False)
        return jnp.sum(weights * kernel), kernel

    def theirs(params):
        norm = jnp.linalg.norm(params["kernel"].reshape(-1, shape[-1]), 2)
        return jnp.sum(weights * params["kernel"] / norm), params["kernel"] / norm

    (grad, kernel), (wanted_grad, wanted) = (
        quick(jax.grad(f, has_aux=True))(variables["params"]) for f in (ours, theirs)
    )
    np.testing.assert_allclose(kernel, wanted, rtol=1e-4)
    np.testing.assert_allclose(grad["kernel"], wanted_grad["kernel"], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("layer", ["dense", "conv"])
def test_spectral_normalisation_comes_to_a_norm_of_one(layer):
    init = jax.nn.initializers.normal(1.0)
    if layer == "dense":
        module, x = Dense(7, init, bias=False, spectral=True), jnp.eye(5)
    else:
        module, x = Conv(7, (1, 1), init, bias=False, spectral=True), jnp.eye(5)[:, None, None]
    variables = started(module, x)
    step = quick(lambda v: {**v, **module.apply(v, x, True, mutable=["spectral"])[1]})
    for _ in range(200):
        variables = step(variables)
    matrix, _ = called(module, variables, x, train=False)  # of the identity: the kernel
    norm = np.linalg.svd(np.asarray(matrix).reshape(5, 7), compute_uv=False)[0]
    np.testing.assert_allclose(norm, 1, rtol=1e-4)


def test_a_block_of_r3gan_starts_as_the_identity_with_a_gradient():
    x = jax.random.normal(jax.random.key(0), (2, 7, 7, 16))
    block = r3gan.Block(depth=6, cardinality=2)
    variables = started(block, x)
    np.testing.assert_array_equal(called(block, variables, x)[0], x)
    gradient = quick(jax.grad(lambda v: jnp.sum(jnp.sin(block.apply(v, x, True)))))
    grads = gradient(variables)["params"]
    assert jnp.abs(grads["Conv_2"]["kernel"]).max() > 0


def test_the_weights_of_a_block_start_smaller_the_more_blocks_there_are():
    x = jnp.zeros((1, 7, 7, 64))
    for depth in (1, 16):
        params = started(r3gan.Block(depth, 8), x)["params"]
        for layer, fan_in in (("Conv_0", 64), ("Conv_1", 9 * 16)):
            wanted = r3gan.GAIN * depth**-0.25 / fan_in**0.5  # three layers: -1 / (2 * 3 - 2)
            np.testing.assert_allclose(params[layer]["kernel"].std(), wanted, rtol=0.05)


def test_interpolation_is_bilinear_with_zeros_beyond_the_edges():
    maps = jax.random.normal(KEY, (2, 8, 8, 3))
    for resize, side in ((r3gan.upsample2x_bilinear, 16), (r3gan.downsample2x_bilinear, 4)):
        resize = quick(resize)
        resized = resize(maps)
        wanted = jax.image.resize(maps, (2, side, side, 3), "linear")  # scales its weights at edges
        inner = slice(1, -1)
        np.testing.assert_allclose(resized[:, inner, inner], wanted[:, inner, inner], atol=1e-6)
        for turn in (lambda x: x[:, ::-1], lambda x: x.swapaxes(1, 2)):
            np.testing.assert_allclose(resize(turn(maps)), turn(resized), atol=1e-6)
    ramp = jnp.broadcast_to(jnp.arange(4.0)[None, :, None, None], (1, 4, 4, 1))
    doubled = [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 2.25]
    np.testing.assert_allclose(r3gan.upsample2x_bilinear(ramp)[0, :, 4, 0], doubled)
    np.testing.assert_allclose(
        r3gan.downsample2x_bilinear(ramp)[0, :, 0, 0], np.array([0.625, 2]) * 7 / 8
    )
    np.testing.assert_array_equal(
        sngan.upsample2x_nearest(jnp.ones((1, 4, 4, 1))), np.ones((1, 8, 8, 1))
    )
