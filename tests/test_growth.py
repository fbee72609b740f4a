"""The cost of a run does not grow with its length; it is counted, not timed."""

import dataclasses
import gc
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.gan import steps
from jaxgan.training import input_pipeline, loop
from jaxgan.training.chunk_output import CallOutput, fetch_calls, keep_steps
from jaxgan.training.loop import train
from jaxgan.training.train_seeds import train_seeds
from jaxgan.types import StepOutput
from tests import tiny

COMPILE = "/jax/core/compile/backend_compile_duration"
EPOCHS = 8


@pytest.fixture
def compiled():
    """The name of every program, when it is compiled."""
    names = []

    def listen(event, _, **kwargs):
        if event == COMPILE:
            names.append(kwargs.get("fun_name", "?"))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture
def calls(monkeypatch):
    """The steps of every device call."""
    lengths = []
    monkeypatch.setattr(input_pipeline, "LONG_ENOUGH", math.inf)
    for name in ("train_epoch", "train_stacked_epoch"):
        program = getattr(steps, name)

        def call(gan, state, pixels, order, labels, num_steps, program=program):
            lengths.append(int(num_steps))
            return program(gan, state, pixels, order, labels, num_steps)

        monkeypatch.setattr(loop, name, tiny.replaced(program, call))
    return lengths


@pytest.mark.parametrize("stream", [0, 5], ids=["resident", "streamed"])
def test_later_epochs_compile_nothing_and_leave_nothing_on_the_device(
    tmp_path, compiled, stream, monkeypatch
):
    monkeypatch.setattr(input_pipeline, "LONG_ENOUGH", math.inf)
    found = []

    def look(step, metrics):
        gc.collect()
        held = sum(array.nbytes for array in jax.live_arrays() if not array.is_deleted())
        found.append((len(compiled), held))

    config = tiny.config(tiny.write_data(tmp_path / "data"), epochs=EPOCHS)
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, stream=stream))
    train(config, tmp_path / "run", [look])
    assert len(found) == EPOCHS
    # The first epochs compile; the last has no next one, which would be there already.
    programs, held = zip(*found[2:-1], strict=True)
    assert len(set(programs)) == 1
    # A thread that reads ahead may have the order of the next epoch, or not yet.
    assert max(held) - min(held) <= 12 * 8 * 4


def test_a_done_call_keeps_the_values_of_its_own_steps_only():
    rows = StepOutput({"disc/loss": jnp.arange(6.0)}, {"batch": jnp.arange(6)}, {})
    kept = keep_steps(CallOutput(rows, 2))
    for array, expected in (
        (kept.output.metrics["disc/loss"], [0, 1]),
        (kept.output.checksums["batch"], [0, 1]),
    ):
        np.testing.assert_array_equal(array, expected)
        assert array.base is None  # not a view, which would keep all rows
    joined = fetch_calls([kept, CallOutput(rows, 3)])
    np.testing.assert_array_equal(joined.metrics["disc/loss"], [0, 1, 0, 1, 2])


def test_an_epoch_is_one_call_after_the_first_one(tmp_path, calls):
    train(tiny.config(tiny.write_data(tmp_path / "data"), epochs=4), tmp_path / "run")
    assert calls == [1, 1, 2, 4, 4, 12, 12, 12]


def test_more_seeds_are_neither_more_calls_nor_more_programs(tmp_path, compiled, calls):
    data = tiny.write_data(tmp_path / "data")
    counts = []
    for seeds in (2, 5):
        config = dataclasses.replace(tiny.config(data, seeds_at_once=seeds), seeds=seeds)
        train_seeds(config, tmp_path / str(seeds))
        counts.append((len(calls), compiled.count("jit(train_stacked_epoch)")))
        calls.clear()
        compiled.clear()
    assert counts[0] == counts[1] == (6, 1)
