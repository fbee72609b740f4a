"""Loads the generator of a run, and real data to compare it with; nothing is downloaded."""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

import jax

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config, DataConfig
from jaxgan.data import Dataset, load_data
from jaxgan.data.gaussian_mixtures import MIXTURES
from jaxgan.evaluation.periodic import PeriodicEvaluator
from jaxgan.gan.state import Gan, TrainState
from jaxgan.metrics.inception_weights import INCEPTION, cached_path
from jaxgan.metrics.packaged_nets import is_own_function
from jaxgan.runs import checkpoints
from jaxgan.runs.directory import read_config
from jaxgan.runs.environment import check_same_data
from jaxgan.types import PRNGKey, Stream, stream_key

LOCAL_SOURCES = ("prepared", "packaged")  # of a set that config.data names without a folder


@functools.lru_cache(maxsize=1)  # the sections of one run come after each other
def load_newest(workdir: Path) -> tuple[Config, Gan, TrainState]:
    """Loads the newest valid checkpoint of a run.

    Raises:
      UserError: there is none.
    """
    return checkpoints.load_run(workdir)


@functools.lru_cache(maxsize=1)
def load_training_data(workdir: Path) -> tuple[DataConfig, Dataset]:
    """Loads the training data of a run if they are on this computer.

    Returns:
      The settings with which they were found, for their test split, and the data.

    Raises:
      UserError: they are not here, or are others than those of the run.
    """
    reasons = []
    for config in _local_configs(read_config(workdir).data):
        try:
            data = load_data(config, "train")
        except UserError as error:
            reasons.append(str(error))
            continue
        check_same_data(workdir, data.sha256, data.source)
        return config, data
    raise UserError(reasons[-1])


def load_evaluator(workdir: Path) -> PeriodicEvaluator:
    """Returns what compares the run's generator with its data, as during training.

    Raises:
      UserError: there is no checkpoint; the data are not here, or others; the run's features are
        code that only its record names, or weights that are not here.
    """
    config, gan, _ = load_newest(workdir)
    features = config.evaluate.features
    # A page may be of a stranger's run.
    if is_own_function(features):
        raise UserError(f"the run's features {features!r} are code, which a page does not run")
    if features == INCEPTION and not cached_path().exists():
        raise UserError(
            f"the weights of the run's features {features!r} are not on this computer, and a page "
            "downloads nothing; `evaluate` downloads them"
        )
    found, train = load_training_data(workdir)
    return PeriodicEvaluator(dataclasses.replace(config, data=found), gan, train, train.pixels)


def forget_loaded() -> None:
    """Frees what was loaded."""
    load_newest.cache_clear()
    load_training_data.cache_clear()


def page_key(counter: int) -> PRNGKey:
    """Returns the key of a page's latents: the same for every run, so that they can be compared."""
    return stream_key(jax.random.key(0), Stream.SAMPLE, counter)


def _local_configs(config: DataConfig) -> Iterator[DataConfig]:
    """Yields the settings to try, none of which asks for a download."""
    if config.dir or config.name in MIXTURES or config.source not in ("auto", "download"):
        yield config
        return
    for source in LOCAL_SOURCES:
        yield dataclasses.replace(config, source=source)
