import os
import warnings

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from jaxgan.cli.main import main
from jaxgan.config import jax_env
from jaxgan.config.jax_env import (
    CACHE_BYTES,
    CACHE_DIR_VARIABLE,
    CACHE_SIZE_VARIABLE,
    CACHE_TIME_VARIABLE,
    set_compile_cache,
)
from tests import tiny
from tests.test_cli import CONFIG, TINY, start


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in (CACHE_DIR_VARIABLE, CACHE_SIZE_VARIABLE, CACHE_TIME_VARIABLE):
        monkeypatch.setenv(name, "")  # so that what a test sets is taken back
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def compile_into(tmp_path):
    """Compiles a program in a cache of this test's own: the warnings that JAX gave."""
    settings = ("jax_compilation_cache_dir", "jax_compilation_cache_max_size")
    before = {name: getattr(jax.config, name) for name in settings}

    def restart(values):
        for name, value in zip(settings, values, strict=True):
            jax.config.update(name, value)
        compilation_cache.reset_cache()

    def compile_into(bound, constant):
        restart((str(tmp_path), bound))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            jax.jit(lambda x: x * constant)(np.ones(3, np.float32))
        return [str(warning.message) for warning in caught]

    yield compile_into
    restart(before.values())


def test_the_folder_is_the_users_and_of_the_processor(home, monkeypatch):
    assert set_compile_cache() == ""
    first = os.environ.pop(CACHE_DIR_VARIABLE)
    assert first.startswith(f"{home}/jaxgan/")
    assert not list(home.iterdir())  # it is JAX that makes it
    other = home / "cpuinfo"
    other.write_text("processor : 0\nmodel name : another\nflags : fpu avx\n")
    monkeypatch.setattr(jax_env, "CPUINFO", other)
    set_compile_cache()
    assert os.environ[CACHE_DIR_VARIABLE] != first


def test_a_cache_folder_that_is_set_stays_and_gets_no_bound(home, monkeypatch):
    monkeypatch.setenv(CACHE_DIR_VARIABLE, "mine")
    assert set_compile_cache() == ""
    assert os.environ[CACHE_DIR_VARIABLE] == "mine"
    assert CACHE_SIZE_VARIABLE not in os.environ


def test_the_cache_is_bounded_unless_the_user_sets_another_bound(home, monkeypatch):
    set_compile_cache()
    assert os.environ[CACHE_SIZE_VARIABLE] == str(CACHE_BYTES)
    monkeypatch.delenv(CACHE_DIR_VARIABLE)
    monkeypatch.setenv(CACHE_SIZE_VARIABLE, "-1")
    set_compile_cache()
    assert os.environ[CACHE_SIZE_VARIABLE] == "-1"


def test_a_bound_that_is_not_a_number_is_an_error_of_one_line(home, monkeypatch, capsys):
    monkeypatch.setenv(CACHE_SIZE_VARIABLE, "2GB")
    assert main(["configs"]) == 2
    assert f"{CACHE_SIZE_VARIABLE}=2GB: must be a whole number of bytes" in capsys.readouterr().err


def test_a_cache_that_grew_without_a_bound_is_written_with_one(
    tmp_path, compile_into, home, monkeypatch
):
    def programs():
        return {path.name for path in tmp_path.glob("*-cache")}

    assert compile_into(-1, 2.0) == []
    monkeypatch.setenv(CACHE_DIR_VARIABLE, str(tmp_path))
    monkeypatch.setenv(CACHE_SIZE_VARIABLE, str(10**9))
    set_compile_cache()
    # Without the times of the old programs, jax 0.10 writes nothing and says so; 0.12 can write.
    assert compile_into(10**9, 4.0) == []
    assert len(programs()) == 2
    size = max(path.stat().st_size for path in tmp_path.glob("*-cache"))
    assert compile_into(size + 100, 5.0) == []
    assert len(programs()) == 1  # those before it were removed


def test_programs_that_compile_in_less_than_a_second_are_stored_too(home, monkeypatch):
    set_compile_cache()
    assert os.environ[CACHE_TIME_VARIABLE] == "0.05"
    monkeypatch.setenv(CACHE_TIME_VARIABLE, "3")  # the user's choice stays
    set_compile_cache()
    assert os.environ[CACHE_TIME_VARIABLE] == "3"


def test_a_folder_that_cannot_be_written_is_named_and_left_alone(home):
    (home / "jaxgan").write_text("a file")
    assert str(home / "jaxgan") in set_compile_cache()
    assert CACHE_DIR_VARIABLE not in os.environ


@pytest.mark.slow
def test_a_run_has_the_same_bits_whether_its_programs_are_compiled_or_read(tmp_path):
    data = tiny.write_data(tmp_path / "data")
    inherited = {name: os.environ[name] for name in os.environ if name != CACHE_DIR_VARIABLE}
    environment = inherited | {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    stored = []
    for name, enabled in (("without", "false"), ("cold", "true"), ("warm", "true")):
        process = start(
            *("--config", CONFIG, "--workdir", tmp_path / name, *TINY),
            *(f"--config.data.dir={data}", "--config.train.epochs=1"),
            env=environment | {"JAX_ENABLE_COMPILATION_CACHE": enabled},
        )
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr
        assert "warning:" not in stderr.lower()
        assert "error" not in stderr.lower()
        stored.append(sorted(path.name for path in tmp_path.glob("cache/jaxgan/*/*-cache")))
        for file in ("ledger.tsv", "leaves.jsonl"):
            recorded = (tmp_path / name / file).read_bytes()
            assert recorded == (tmp_path / "without" / file).read_bytes()
    assert stored[0] == []
    assert any(name.startswith("jit_train_epoch") for name in stored[1])
    assert stored[2] == stored[1]
