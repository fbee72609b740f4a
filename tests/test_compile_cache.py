import os

import pytest

from jaxgan.config import jax_env
from jaxgan.config.jax_env import CACHE_DIR_VARIABLE, set_compile_cache
from tests import tiny
from tests.test_cli import CONFIG, TINY, start


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv(CACHE_DIR_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield tmp_path
    os.environ.pop(CACHE_DIR_VARIABLE, None)


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


def test_a_cache_folder_that_is_set_stays(home, monkeypatch):
    monkeypatch.setenv(CACHE_DIR_VARIABLE, "mine")
    assert set_compile_cache() == ""
    assert os.environ[CACHE_DIR_VARIABLE] == "mine"


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
        assert "warning" not in stderr.lower()
        assert "error" not in stderr.lower()
        stored.append(sorted(path.name for path in tmp_path.glob("cache/jaxgan/*/*-cache")))
        for file in ("ledger.tsv", "leaves.jsonl"):
            recorded = (tmp_path / name / file).read_bytes()
            assert recorded == (tmp_path / "without" / file).read_bytes()
    assert stored[0] == []
    assert any(name.startswith("jit_train_epoch") for name in stored[1])
    assert stored[2] == stored[1]
