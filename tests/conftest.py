"""Settings that every test runs under."""

import os

os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # a test compiles what it tests

import jax
import pytest

from jaxgan.compile_cache import VARIABLE

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True)
def no_cache_is_named_for_the_next_test():
    """A command run within a test names one for its process."""
    before = os.environ.get(VARIABLE)
    yield
    if before is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = before


@pytest.fixture
def float64():
    """Runs a test in double precision."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)
