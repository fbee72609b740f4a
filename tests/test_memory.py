"""The memory that a run takes: its record, and the words where a device has less."""

import dataclasses
import json

import jax
import pytest

from jaxgan.cli import sample as sample_module
from jaxgan.cli.main import main
from jaxgan.config.errors import UserError
from jaxgan.config.network import NetworkConfig
from jaxgan.gan import steps
from jaxgan.reproducibility.record_diff import environment_diff
from jaxgan.runs import layout
from jaxgan.training import loop
from jaxgan.training.loop import train
from tests import tiny

COMPILE = "/jax/core/compile/backend_compile_duration"
NO_ROOM = "RESOURCE_EXHAUSTED: Out of memory\nallocating 1 byte"
ORDER = (
    "nvidia-smi",
    "config.data.stream",
    "config.network.remat",
    "batch_size",
    "smaller network",
)


def recorded(workdir):
    return json.loads((workdir / layout.ENVIRONMENT).read_text())["memory"]


def assert_in_order(line, words):
    places = [line.find(word) for word in words]
    assert -1 not in places, line
    assert places == sorted(places), line


def fail(*_):
    raise jax.errors.JaxRuntimeError(NO_ROOM)


def test_a_run_records_its_data_its_state_and_what_the_compiler_reports(finished):
    memory = recorded(finished)
    assert memory["data"] == tiny.EXAMPLES * tiny.SIDE**2
    pixels = tiny.SIDE**2
    weights = (5 * 7 + 7 + 7 * pixels + pixels) + (pixels * 6 + 6 + 6 + 1)
    assert 3 * 4 * weights < memory["state"] < 3 * 4 * weights + 100  # Adam has two moments
    assert memory["temporaries"] > 8 * pixels * 4  # a batch of images is one


def test_streamed_data_are_three_blocks(data, tmp_path):
    config = tiny.config(data, epochs=1)
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, stream=2))
    train(config, tmp_path / "run")
    assert recorded(tmp_path / "run")["data"] == 3 * 2 * 8 * tiny.SIDE**2


def test_one_program_makes_the_estimate_and_calls_of_every_length(data, tmp_path):
    compiled = []

    def listen(event, _, **kwargs):
        if event == COMPILE and "train_epoch" in kwargs.get("fun_name", ""):
            compiled.append(kwargs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        config = dataclasses.replace(
            # Chunks of 4, 4 and 3 steps, the first of them in calls of 1, 1 and 2.
            tiny.config(data, epochs=3, batch_size=9, chunks_per_epoch=3),
            network=NetworkConfig(gen_widths=(11,), disc_widths=(6,)),
        )
        train(config, tmp_path / "run")
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert len(compiled) == 1


def test_it_is_no_difference_between_two_runs(finished, tmp_path):
    other = tmp_path / layout.ENVIRONMENT
    record = json.loads((finished / layout.ENVIRONMENT).read_text())
    other.write_text(json.dumps(record | {"memory": {"data": 1}}))
    assert list(environment_diff(finished, tmp_path)) == []


def test_a_step_without_room_names_what_the_run_takes_and_what_takes_less(
    data, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "train_epoch", tiny.replaced(steps.train_epoch, fail))
    config = tiny.config(data)
    with pytest.raises(UserError, match=r"device is out of memory \(RESOURCE_EXHAUSTED") as raised:
        train(config, tmp_path / "run")
    line = str(raised.value)
    assert_in_order(line, [word for word in ORDER if "remat" not in word])
    assert "remat" not in line  # which the network does not have
    assert_in_order(line, ["(data 0.0 MB, state 0.0 MB, temporaries "])


def test_remat_comes_before_the_batch_and_what_is_set_is_not_advised(data):
    config = dataclasses.replace(
        tiny.config(data), network=NetworkConfig("r3gan", gen_channels=8, disc_channels=8)
    )
    with (
        pytest.raises(UserError) as raised,
        loop.explain_out_of_memory(config, {"state": 2 * 10**9}),
    ):
        fail()
    assert "2.0 GB (state 2.0 GB)" in str(raised.value)
    assert_in_order(str(raised.value), ORDER)
    config = dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, stream=4),
        network=dataclasses.replace(config.network, remat=True),
    )
    with pytest.raises(UserError) as raised, loop.explain_out_of_memory(config, {}):
        fail()
    assert "stream" not in str(raised.value)
    assert "remat" not in str(raised.value)


def test_another_error_of_a_device_stays_what_it_is(data):
    with (
        pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"),
        loop.explain_out_of_memory(tiny.config(data), {}),
    ):
        raise jax.errors.JaxRuntimeError("INTERNAL: a cable was pulled")


def test_a_network_larger_than_the_memory_is_refused_with_its_size(data, tmp_path):
    width = 10**7
    config = dataclasses.replace(
        tiny.config(data), network=NetworkConfig(gen_widths=(width, width), disc_widths=(6,))
    )
    with pytest.raises(UserError, match=r"out of memory .* state 1\d{6}\.\d GB"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_samples_without_room_are_one_line(finished, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sample_module, "generate_pixels", fail)
    out = str(tmp_path / "samples.png")
    assert main(["sample", "--workdir", str(finished), "--out", out]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("jaxgan: error: a device is out of memory (RESOURCE_EXHAUSTED: Out of")
    assert_in_order(line, ["nvidia-smi", "XLA_PYTHON_CLIENT_PREALLOCATE"])
