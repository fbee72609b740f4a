"""The programs of the shipped configs for a TPU, compiled without one; skipped without libtpu."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxgan.config.files import load_config, shipped_configs
from tests import tpu_programs
from tests.shipped import FOR_A_GPU

CHIP_MEMORY = 16e9  # bytes of a v5e


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in shipped_configs() if name not in FOR_A_GPU])
def test_every_shipped_config_compiles_for_a_tpu_and_fits_one_chip(name):
    pytest.importorskip("libtpu")
    program = tpu_programs.compile_config(load_config(Path(name), []))
    assert program.arguments + program.temporaries < CHIP_MEMORY
    assert program.flop > 0
    # A step that waited for the host would leave the chip idle.
    assert program.to_host == []


def test_the_sides_of_products_are_filled_up_to_tiles():
    lowered = jax.jit(lambda a, b: a @ b).lower(jnp.ones((5, 100)), jnp.ones((100, 200)))
    assert tpu_programs.product_padding_of(lowered) == (8 * 128 * 256) / (5 * 100 * 200)
    batched = jax.jit(lambda a, b: jnp.einsum("bij,bkj->bik", a, b)).lower(
        jnp.ones((3, 8, 128)), jnp.ones((3, 256, 128))
    )
    assert tpu_programs.product_padding_of(batched) == 1
