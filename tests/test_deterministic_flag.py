"""What is set before JAX is imported, where it may find a GPU."""

import os

import pytest

from jaxgan.cli import train as train_module
from jaxgan.cli import verbs
from jaxgan.cli.main import main
from jaxgan.config import jax_env
from jaxgan.config.errors import UserError
from jaxgan.config.jax_env import (
    DETERMINISTIC_FLAG,
    GPU_INDEX_VARIABLES,
    open_one_gpu,
    set_deterministic_flag,
)
from jaxgan.config.schema import Config
from jaxgan.config.warnings import config_warnings


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """A machine on which JAX's plugin for CUDA is installed."""
    (tmp_path / "plugins_of_a_gpu" / "xla_cuda13").mkdir(parents=True)
    (tmp_path / "plugins_of_a_gpu" / "xla_cuda13" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(jax_env, "PLUGIN_PACKAGE", "plugins_of_a_gpu")
    for name in ("XLA_FLAGS", *GPU_INDEX_VARIABLES):
        monkeypatch.setenv(name, "")  # so that it is put back, whoever sets it
        monkeypatch.delenv(name)
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


def opened():
    return [os.environ.get(name) for name in GPU_INDEX_VARIABLES]


def test_one_gpu_is_opened_of_those_that_the_user_leaves(gpu):
    gpu.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    open_one_gpu()
    assert opened() == ["0", "0"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,3"


@pytest.mark.parametrize("name", GPU_INDEX_VARIABLES)
def test_gpus_that_the_user_chose_stay(gpu, name):
    gpu.setenv(name, "1,2")
    open_one_gpu()
    assert sorted(filter(None, opened())) == ["1,2"]


def test_nothing_is_chosen_without_a_gpu(gpu):
    gpu.setattr(jax_env, "PLUGIN_PACKAGE", "no_plugins")
    open_one_gpu()
    assert opened() == [None, None]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], "0"),
        (["--config.parallel.devices=2"], None),
        (["--config.parallel.devices=0"], None),
        (["--coordinator", "a:1", "--num_processes", "2", "--process_id", "1"], None),
    ],
    ids=["one device", "two devices", "all devices", "several processes"],
)
def test_training_opens_one_gpu_if_it_uses_one(gpu, tmp_path, flags, expected):
    def end(*_):
        raise UserError("far enough")

    gpu.setattr(train_module, "initialize_distributed", lambda spec: None)
    gpu.setattr("jaxgan.training.loop.train", end)
    gpu.setattr("jaxgan.parallel.process_group.is_primary", lambda: True)
    assert main(["--config", "mnist", "--workdir", str(tmp_path / "run"), *flags]) == 2
    assert opened() == [expected] * 2


def test_every_other_command_opens_one_gpu(gpu):
    gpu.setitem(verbs.VERBS, "sample", lambda argv: 0)
    main(["sample"])
    assert opened() == ["0", "0"]
