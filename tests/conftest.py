"""Settings that every test runs under."""

import os

os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # a test compiles what it tests

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def float64():
    """Runs a test in double precision."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)
