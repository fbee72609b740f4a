"""Functions that `train` calls after each chunk: what they get, and how their errors end a run."""

import dataclasses

import numpy as np
import pytest

from jaxgan.config.schema import SaveConfig
from jaxgan.runs import checkpoints, row_files
from jaxgan.training.loop import train
from tests import tiny
from tests.test_train import assert_same_run


def test_callbacks_get_the_metrics_of_each_chunk_and_change_no_bits(finished, data, tmp_path):
    calls = []
    other = []
    callbacks = [
        lambda step, metrics: calls.append((step, dict(metrics))),
        lambda step, metrics: other.append(step),
    ]
    train(tiny.config(data, epochs=3), tmp_path / "run", callbacks)
    assert [step for step, _ in calls] == other == [12, 24, 36]
    rows = row_files.read_rows(tmp_path / "run")
    losses = np.concatenate([metrics["disc/loss"] for _, metrics in calls])
    assert isinstance(losses, np.ndarray)
    assert losses.shape == (36,)
    means = losses.astype(np.float64).reshape(9, 4).mean(axis=1)
    np.testing.assert_array_equal(means, [row["disc/loss"] for row in rows])
    assert_same_run(finished, tmp_path / "run")


def test_an_error_of_a_callback_is_raised_once_the_run_is_saved(finished, data, tmp_path):
    config, workdir, steps = tiny.config(data, epochs=3), tmp_path / "run", []

    def fail(step, metrics):
        steps.append(step)
        raise KeyError("of the user")

    with pytest.raises(KeyError, match="of the user"):
        train(config, workdir, [fail])
    assert steps == [12]
    assert checkpoints.steps(workdir / "checkpoints") == [12]
    # Only the steps that follow are given to the callbacks of a resumed run.
    train(config, workdir, [lambda step, metrics: steps.append(step)])
    assert steps == [12, 24, 36]
    assert_same_run(finished, workdir)


def test_an_error_finds_the_device_a_chunk_ahead_where_none_is_saved_meanwhile(data, tmp_path):
    config = dataclasses.replace(tiny.config(data, epochs=3), save=SaveConfig(every=3))
    steps = []

    def fail(step, metrics):
        steps.append(step)
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        train(config, tmp_path / "run", [fail])
    # The chunk that was ahead is kept, and the function is not called for it.
    assert steps == [12]
    assert checkpoints.steps(tmp_path / "run" / "checkpoints") == [24]


def test_an_error_at_the_last_chunk_finds_the_run_complete(finished, data, tmp_path):
    def fail(step, metrics):
        if step == 36:
            raise ValueError("at the end")

    with pytest.raises(ValueError, match="at the end"):
        train(tiny.config(data, epochs=3), str(tmp_path / "run"), [fail])
    assert_same_run(finished, tmp_path / "run")
