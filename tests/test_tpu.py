"""The programs of the shipped configs for a TPU, compiled without one; skipped without libtpu."""

import importlib.util
import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from jaxgan.config.files import shipped_configs
from tests import tpu_programs

CHIP_MEMORY = 15.75 * 2**30  # bytes of a v5e that a program gets


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_configs())
def test_every_shipped_config_compiles_for_a_tpu_and_fits_one_chip(name):
    if importlib.util.find_spec("libtpu") is None:
        pytest.skip("libtpu is not installed")
    # In a process of its own, since libtpu ends one whose XLA_FLAGS have the CPU's flags of these
    # tests.
    command = [sys.executable, "-m", "tests.tpu_programs", "--only", name, "--json"]
    flags = {key: value for key, value in os.environ.items() if key != "XLA_FLAGS"}
    output = subprocess.run(command, env=flags, check=True, capture_output=True, text=True).stdout
    program = json.loads(output.splitlines()[-1])
    assert program["arguments"] + program["temporaries"] < CHIP_MEMORY
    assert program["flop"] > 0
    # A step that waited for the host would leave the chip idle.
    assert program["to_host"] == []


def test_the_sides_of_products_are_filled_up_to_tiles():
    lowered = jax.jit(lambda a, b: a @ b).lower(jnp.ones((5, 100)), jnp.ones((100, 200)))
    assert tpu_programs.product_padding_of(lowered) == (8 * 128 * 256) / (5 * 100 * 200)
    batched = jax.jit(lambda a, b: jnp.einsum("bij,bkj->bik", a, b)).lower(
        jnp.ones((3, 8, 128)), jnp.ones((3, 256, 128))
    )
    assert tpu_programs.product_padding_of(batched) == 1
