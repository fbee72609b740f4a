import dataclasses
import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.files import from_mapping
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config
from jaxgan.config.warnings import config_warnings
from jaxgan.gan.state import build_gan, init_state
from jaxgan.gan.steps import train_step
from jaxgan.networks.layers import BatchNorm, Dense
from jaxgan.parallel.devices import check_precision
from jaxgan.types import Batch
from tests.devices import CLASSES, CONFIGS, SHAPE
from tests.jaxpr_walk import equations

BATCH = 16
SETTINGS = {
    **{name: CONFIGS[name] for name in ("mlp", "batch norm", "everything")},
    "spectral norm, labels": CONFIGS["spectral norm, labels"],
    "mlp, labels": {"network": {**CONFIGS["mlp"]["network"], "conditional": True}},
    "r3gan, labels": {"network": {**CONFIGS["r3gan"]["network"], "blocks": 1, "conditional": True}},
}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in list(SETTINGS)[2:]]
PRODUCTS = ("dot_general", "conv_general_dilated")


@functools.cache
def built(name, **network):
    """The rules, and what `train_step` takes besides: the state and real images."""
    settings = SETTINGS[name]
    penalty = {} if name == "batch norm" else {"r1": 0.1, **settings.get("penalty", {})}
    changed = {"penalty": penalty, "network": {**settings["network"], **network}}
    config = from_mapping({"train": {"batch_size": BATCH}, **settings, **changed})
    gan = build_gan(config, SHAPE, CLASSES)

    def inputs():
        images = jax.random.uniform(jax.random.key(1), (BATCH * gan.d_steps, *SHAPE), minval=-1)
        labels = jnp.arange(len(images)) % CLASSES if gan.classes else None
        return init_state(gan, SHAPE, jax.random.key(0)), Batch(images, labels)

    return gan, inputs


@functools.cache
def trained(name, steps=3, **network):
    """The state after some steps, and the losses of each."""
    gan, inputs = built(name, **network)
    options = {"xla_backend_optimization_level": 0}  # most of the time is compilation
    state, real = jax.jit(inputs, compiler_options=options)()
    step = jax.jit(functools.partial(train_step, gan), compiler_options=options)
    losses = []
    for i in range(steps):
        state, (metrics, *_) = step(state, real, jax.random.key(i))
        losses.append([float(metrics["disc/loss"]), float(metrics["gen/loss"])])
    return state, np.array(losses)


@pytest.mark.parametrize("name", SETTINGS)
def test_layers_and_their_derivatives_multiply_as_asked_for_and_leave_all_else_in_float32(name):
    gan, inputs = built(name, precision="bfloat16", matmul_precision="highest")
    step, (state, real) = functools.partial(train_step, gan), jax.eval_shape(inputs)
    program, after = jax.make_jaxpr(step, return_shape=True)(state, real, jax.random.key(0))
    assert types_of(after[0]) == types_of(state)
    assert "bfloat16" not in jax.tree.leaves(types_of(after))  # with all that is measured
    found = [eqn for eqn in equations(program.jaxpr) if eqn.primitive.name in PRODUCTS]
    highest = jax.lax.Precision.HIGHEST
    assert all(product.params["precision"] == (highest, highest) for product in found)
    operands = [[operand.aval for operand in product.invars] for product in found]
    of_layers = [pair for pair in operands if {aval.ndim for aval in pair} <= {2, 4}]
    assert len(of_layers) > 10
    assert all(aval.dtype == jnp.bfloat16 for pair in of_layers for aval in pair)
    others = [pair for pair in operands if pair not in of_layers]
    assert all(aval.dtype == jnp.float32 for pair in others for aval in pair)
    assert any(1 in (a.ndim, b.ndim) for a, b in others) == ("spectral" in name)


@pytest.mark.parametrize("name", ["mlp", "batch norm", *SLOW])
def test_losses_in_bfloat16_are_near_those_in_float32(name):
    _, wanted = trained(name)
    state, losses = trained(name, precision="bfloat16")
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.replace(key=0)))
    np.testing.assert_allclose(losses, wanted, rtol=0.03, atol=0.03)
    assert not np.array_equal(losses, wanted)


def types_of(tree):
    return jax.tree.map(lambda leaf: str(leaf.dtype), tree)


def test_on_cpu_the_precision_of_products_changes_no_bit():
    assert NetworkConfig().matmul_precision == "default"
    state, losses = trained("batch norm")
    other, others = trained("batch norm", matmul_precision="highest")
    np.testing.assert_array_equal(losses, others)
    jax.tree.map(np.testing.assert_array_equal, state.gen, other.gen)
    jax.tree.map(np.testing.assert_array_equal, state.disc, other.disc)


def test_statistics_of_bfloat16_are_those_of_float32():
    x = (20 + jax.random.normal(jax.random.key(0), (512, 3))).astype(jnp.bfloat16)
    norm = BatchNorm()
    variables = norm.init(jax.random.key(1), x, True)
    given = {**variables, "params": {"gain": jnp.ones(3), "bias": jnp.zeros(3)}}
    outputs, after = norm.apply(given, x, True, mutable=["batch_stats"])
    wide = np.asarray(x, np.float32)
    seen = after["batch_stats"]
    assert outputs.dtype == jnp.bfloat16
    assert types_of(seen) == {"mean": "float32", "variance": "float32"}
    np.testing.assert_allclose(seen["mean"], 0.1 * wide.mean(0), rtol=1e-5)
    np.testing.assert_allclose(seen["variance"], 0.9 + 0.1 * wide.var(0), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(outputs, np.float32).std(0), 1, rtol=1e-2)


def test_a_bfloat16_kernel_is_divided_by_its_norm_as_computed_in_float32():
    layer = Dense(6, jax.nn.initializers.normal(3.0), bias=False, spectral=True)
    x = jnp.eye(9, dtype=jnp.bfloat16)
    variables = layer.init(jax.random.key(0), x, True)
    kernel = variables["params"]["kernel"].astype(jnp.bfloat16)
    variables = {**variables, "params": {"kernel": kernel}}
    for _ in range(50):
        normalised, after = layer.apply(variables, x, True, mutable=["spectral"])
        variables |= after
    assert normalised.dtype == jnp.bfloat16
    assert types_of(variables["spectral"]) == {"u": "float32"}
    norm = np.linalg.norm(np.asarray(kernel, np.float32), 2)
    wanted = (np.asarray(kernel, np.float32) / norm).astype(jnp.bfloat16)
    ours, theirs = (np.asarray(matrix, np.float32) for matrix in (normalised, wanted))
    np.testing.assert_allclose(ours, theirs, rtol=2**-8)  # a last bit of bfloat16


def asked(precision):
    return dataclasses.replace(Config(), network=NetworkConfig(precision=precision))


def device(**attributes):
    return types.SimpleNamespace(device_kind="Tesla T4", platform="gpu", **attributes)


def test_bfloat16_is_refused_on_a_gpu_that_lacks_it():
    with pytest.raises(UserError, match=r"precision = 'bfloat16': the Tesla T4 .* 7\.5.* float32"):
        check_precision(asked("bfloat16"), [device(compute_capability="7.5")])
    check_precision(asked("float32"), [device(compute_capability="7.5")])
    for has_it in ({"compute_capability": "8.0"}, {"compute_capability": "12.0"}, {}):
        check_precision(asked("bfloat16"), [device(**has_it)])
    check_precision(asked("bfloat16"), [device(compute_capability="gfx90a")])  # of AMD
    check_precision(asked("bfloat16"), jax.devices())


def test_bfloat16_on_a_cpu_is_warned_of():
    (warning,) = config_warnings(asked("bfloat16"), backend="cpu")
    assert "slower than float32 on a CPU" in warning
    for config, backend in ((asked("bfloat16"), "tpu"), (asked("float32"), "cpu")):
        assert config_warnings(config, backend=backend) == []


def test_an_unknown_precision_lists_the_known_ones():
    with pytest.raises(UserError, match=r"precision = 'float16': must be one of float32, bfloat16"):
        from_mapping({"network": {"precision": "float16"}})
    with pytest.raises(UserError, match=r"matmul_precision = 'low': must be one of default, high,"):
        from_mapping({"network": {"matmul_precision": "low"}})
