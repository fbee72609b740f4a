"""What a device call does besides computing: no transfer within an epoch, no copy of the state."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.files import from_mapping
from jaxgan.gan.state import build_gan, init_state
from jaxgan.gan.steps import train_epoch, train_stacked_epoch
from jaxgan.runs import plan
from jaxgan.training import loop as training
from jaxgan.training import setup
from jaxgan.training.input_pipeline import open_input_pipeline
from tests import tiny
from tests.devices import SHAPE

STATES = {
    "mlp": {"network": {"gen_widths": (7,), "disc_widths": (6,)}},
    "dcgan with an average": {
        "network": {"name": "dcgan", "gen_channels": 2, "disc_channels": 2},
        "ema": {"half_life": 100},
    },
    "everything tracked": {
        "network": {"gen_widths": (7,), "disc_widths": (6,)},
        "penalty": {"lecam": 0.1},
        "augment": {"policy": ("cutout",), "target": 0.6},
        "schedule": {"b1": ((0, 0.5), (100, 0.9))},
    },
}


def asked(name):
    """The rules, and what an epoch of two steps takes, without their values."""
    gan = build_gan(from_mapping({"train": {"batch_size": 8}, **STATES[name]}), SHAPE)
    state = jax.eval_shape(lambda: init_state(gan, SHAPE, jax.random.key(0)))
    pixels = jax.ShapeDtypeStruct((20, *SHAPE), jnp.uint8)
    return gan, state, pixels, jax.ShapeDtypeStruct((2, 8), jnp.int32)


def compiled(program, *arguments):
    options = {"xla_backend_optimization_level": 0}  # most of the time is compilation
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Some donated buffers were not usable"
        return program.lower(*arguments).compile(options)


def size_of(state):
    """Bytes of all arrays of a state."""
    leaves = jax.tree.leaves(state.replace(key=jax.eval_shape(jax.random.key_data, state.key)))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)


@pytest.mark.parametrize("name", STATES)
def test_an_epoch_writes_every_array_of_the_state_where_it_was(name):
    gan, state, pixels, order = asked(name)
    program = compiled(train_epoch, gan, state, pixels, order)
    assert program.memory_analysis().alias_size_in_bytes == size_of(state)


def test_so_does_an_epoch_of_several_seeds():
    gan, state, pixels, order = asked("mlp")
    states, orders = jax.tree.map(
        lambda one: jax.ShapeDtypeStruct((2, *one.shape), one.dtype), (state, order)
    )
    program = compiled(train_stacked_epoch, gan, states, pixels, orders)
    assert program.memory_analysis().alias_size_in_bytes == 2 * size_of(state)


def test_a_transfer_within_an_epoch_stops_the_run(tmp_path):
    config = tiny.config(tiny.write_data(tmp_path / "data"), epochs=1, chunks_per_epoch=3)
    training.train(config, tmp_path / "run")  # makes none
    prepared = setup.prepare_training(config)
    state = setup.initial_state(prepared, 0)
    chunk = next(plan.chunks(prepared.plan, 0))
    with open_input_pipeline(prepared, [0]) as blocks_of:
        block = next(blocks_of(chunk))
    host = np.asarray(prepared.pixels)
    with pytest.raises(jax.errors.JaxRuntimeError, match="Disallowed host-to-device transfer"):
        training._run_block(prepared, train_epoch, {}, state, block._replace(pixels=host))
