"""Settings that every test runs under, and what many of them start from."""

import gc
import os
import shutil
import tempfile
from pathlib import Path

from jaxgan.config.jax_env import CACHE_DIR_VARIABLE
from tests.flags import QUICK

# All workers share the programs that their tests compile; .ci/run names a folder for several
# commands. Processes that a test starts share a folder of their worker's own: they would print a
# warning about a program that another process is still writing, which is ignored here. JAX reads
# these variables when it is imported.
os.environ["JAXGAN_TESTS_COMPILED"] = COMPILED = os.environ.get(
    "JAXGAN_TESTS_COMPILED"
) or tempfile.mkdtemp(prefix=f"jaxgan-tests-{os.getpid()}-")
os.environ[CACHE_DIR_VARIABLE] = tempfile.mkdtemp(prefix="started-", dir=COMPILED)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
# With XLA_FLAGS= programs are compiled as a user's are.
os.environ.setdefault("XLA_FLAGS", QUICK)

import jax
import pytest

from tests import browser, figure_data, tiny

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_compilation_cache_dir", COMPILED)
figure_data.save_data_of_figures()


def pytest_collection_finish():
    gc.freeze()  # what was imported stays: to look through it takes each collection 0.3 s


def pytest_unconfigure():
    if f"-{os.getpid()}-" in COMPILED:
        shutil.rmtree(COMPILED, ignore_errors=True)


@pytest.fixture(autouse=True)
def log_on_stderr():
    """Shows what the library logs, as the command line does, for tests that read stderr."""
    from jaxgan.cli.messages import show_log

    show_log()


@pytest.fixture(autouse=True, scope="module")
def few_memory_maps():
    """Drops compiled programs where a worker has many, since each has memory maps of its own.

    Beyond the operating system's bound on their number, XLA crashes when it loads a program.
    """
    yield
    maps, limit = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
    if limit.exists() and maps.read_bytes().count(b"\n") > int(limit.read_text()) // 2:
        jax.clear_caches()
        gc.collect()


@pytest.fixture
def float64():
    """Runs a test in double precision."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture(scope="module")
def drawn_figures():
    """Figures are saved as pictures in the tests of this module, not as their data."""
    with figure_data.drawn_figures():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder of a tiny data set."""
    return tiny.write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def chromium():
    """A headless browser, for `tests.browser.open_page`."""
    with browser.start_chromium() as started:
        yield started


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory):
    """Lets every process that a test starts find the programs that another has compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_DIR_VARIABLE, str(tmp_path_factory.mktemp("compiled")))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        yield


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A tiny run of three epochs."""
    from jaxgan.training.loop import train  # which other tests need not wait for

    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    train(tiny.config(data, epochs=3), workdir)
    return workdir
