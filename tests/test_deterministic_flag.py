import os

import pytest

from jaxgan.config import jax_env
from jaxgan.config.jax_env import DETERMINISTIC_FLAG, set_deterministic_flag
from jaxgan.config.schema import Config
from jaxgan.config.warnings import config_warnings


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """A machine on which JAX's plugin for CUDA is installed."""
    (tmp_path / "plugins_of_a_gpu" / "xla_cuda13").mkdir(parents=True)
    (tmp_path / "plugins_of_a_gpu" / "xla_cuda13" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(jax_env, "PLUGIN_PACKAGE", "plugins_of_a_gpu")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    return monkeypatch


@pytest.mark.usefixtures("gpu")
def test_the_flag_is_set_once_where_jax_could_find_a_gpu():
    for _ in range(2):
        set_deterministic_flag(True)
        assert os.environ["XLA_FLAGS"] == f"{DETERMINISTIC_FLAG}=true"


def test_other_flags_stay(gpu):
    gpu.setenv("XLA_FLAGS", "--xla_dump_to=x")
    set_deterministic_flag(True)
    assert os.environ["XLA_FLAGS"] == f"--xla_dump_to=x {DETERMINISTIC_FLAG}=true"


def test_a_flag_that_the_user_set_stays(gpu):
    gpu.setenv("XLA_FLAGS", f"{DETERMINISTIC_FLAG}=false")
    set_deterministic_flag(True)
    assert os.environ["XLA_FLAGS"] == f"{DETERMINISTIC_FLAG}=false"


def test_the_flag_is_not_set_if_not_wanted_or_without_a_gpu(gpu):
    set_deterministic_flag(False)
    gpu.setattr(jax_env, "PLUGIN_PACKAGE", "no_plugins")
    set_deterministic_flag(True)
    assert "XLA_FLAGS" not in os.environ


def test_a_gpu_started_without_the_flag_gives_a_warning(gpu):
    (warning,) = config_warnings(Config(), backend="gpu")
    assert f"started without XLA_FLAGS={DETERMINISTIC_FLAG}=true" in warning
    assert config_warnings(Config(deterministic=False), backend="gpu") == []
    assert config_warnings(Config(), backend="cpu") == []
    gpu.setenv("XLA_FLAGS", f"{DETERMINISTIC_FLAG}=true")
    assert config_warnings(Config(), backend="gpu") == []
