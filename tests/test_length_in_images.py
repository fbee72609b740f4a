"""Runs whose length is given in images: config.train.images."""

import dataclasses
import math
import os

import jax
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.schema import ScheduleConfig
from jaxgan.data import epoch_order, epoch_orders
from jaxgan.reproducibility.replay import load_for_replay, replay, replay_step, state_at
from jaxgan.runs import ledger, row_files
from jaxgan.runs.checkpoints import load_run
from jaxgan.runs.directory import read_config
from jaxgan.training import input_pipeline, loop
from jaxgan.training.loop import train
from tests import tiny


def config(data, stream=0, **train):
    """36 steps, as `finished`, in intervals of 10 steps, which cross the epochs of 12."""
    found = tiny.config(data, **{"images": 288, "interval_images": 80, "logs_per_epoch": 3} | train)
    return dataclasses.replace(found, data=dataclasses.replace(found.data, stream=stream))


@pytest.fixture(scope="module")
def in_images(data, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("images") / "run"
    train(config(data), workdir)
    return workdir


def assert_same_bits(a, b):
    assert ledger.read(a).steps.tolist() == ledger.read(b).steps.tolist() == [*range(1, 37)]
    np.testing.assert_array_equal(ledger.read(a).checksums, ledger.read(b).checksums)
    assert ledger.read_leaves(a)[36] == ledger.read_leaves(b)[36]


@pytest.mark.parametrize("epochs", [range(3, 6), range(1)], ids=str)
def test_orders_of_several_epochs_are_those_of_each(epochs):
    key = jax.random.key(5)
    each = [epoch_order(key, epoch, 100, 8) for epoch in epochs]
    np.testing.assert_array_equal(epoch_orders(key, epochs, 100, 8), np.concatenate(each))


def test_a_length_in_images_gives_the_bits_of_the_same_steps_in_epochs(in_images, finished):
    assert_same_bits(in_images, finished)


def test_rows_grids_and_checkpoints_come_by_intervals(in_images):
    rows = row_files.read_rows(in_images)
    assert [row["step"] for row in rows] == [4, 8, 10, 14, 18, 20, 24, 28, 30, 34, 36]
    assert [row["epoch"] for row in rows][2::3] == [0.8333, 1.6667, 2.5]
    grids = [f"images_{count:09d}.png" for count in (80, 160, 240, 288)]
    assert sorted(os.listdir(in_images / "samples")) == grids
    assert list(ledger.read_leaves(in_images)) == [10, 20, 30, 36]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"images": 100}, {}),
        ({"images": 0, "epochs": 1}, {}),
        ({}, {"images": 0, "epochs": 3}),
        ({"images": 200, "chunks_per_epoch": 2}, {"stream": 4}),
    ],
    ids=["longer", "from epochs", "to epochs", "other calls, streamed"],
)
def test_a_run_goes_on_with_another_length(data, tmp_path, capsys, in_images, first, then):
    train(config(data, **{"images": 100} | first), tmp_path / "run")
    train(config(data, **then), tmp_path / "run")
    assert_same_bits(in_images, tmp_path / "run")
    assert "are gone" not in capsys.readouterr().err


def test_a_step_after_several_passes_is_replayed(in_images, tmp_path):
    assert replay_step(in_images, 23, tmp_path / "step.npz") == []
    run = load_for_replay(in_images)
    replayed = replay(run, state_at(run, 22), 4)
    assert list(replayed.steps) == [23, 24, 25, 26]
    np.testing.assert_array_equal(replayed.order[2:], epoch_order(jax.random.key(0), 2, 100, 8)[:2])


def test_a_hundred_images_give_few_grids_rows_and_device_calls(data, tmp_path, monkeypatch):
    calls, run_block = [], loop._run_block
    monkeypatch.setattr(loop, "_run_block", lambda *args: calls.append(1) or run_block(*args))
    monkeypatch.setattr(input_pipeline, "LONG_ENOUGH", math.inf)
    syncs, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: syncs.append(1) or fsync(file))
    settings = {"batch_size": 64, "interval_images": 50_000, "logs_per_epoch": 10}
    result = train(config(data, images=100_000, **settings), tmp_path / "run")
    assert result.step == 1563 == len(ledger.read(tmp_path / "run").steps)
    # The first ones of a start are short: 1, 1, 2, 4 and so on.
    assert len(calls) <= 2 + math.log2(1563)
    assert len(syncs) < 30
    assert len(row_files.read_rows(tmp_path / "run")) == 20
    assert len(os.listdir(tmp_path / "run" / "samples")) == 2


def test_fractions_of_the_run_give_the_bits_of_images_and_fix_its_length(data, tmp_path):
    def scheduled(epochs=3, **schedule):
        found = tiny.config(data, epochs=epochs)
        return dataclasses.replace(found, schedule=ScheduleConfig(**schedule))

    fractions = scheduled(unit="run", learning_rate=((0, 1.0), (0.5, 0.25)))
    train(scheduled(learning_rate=((0, 1.0), (144, 0.25))), tmp_path / "images")
    train(fractions, tmp_path / "fractions")
    assert_same_bits(tmp_path / "images", tmp_path / "fractions")
    assert read_config(tmp_path / "fractions") == fractions
    assert load_run(tmp_path / "fractions")[1].gen_tx is not None
    longer = scheduled(4, unit="run", learning_rate=((0, 1.0), (0.5, 0.25)))
    with pytest.raises(UserError, match=r"train.epochs = 3, not 4, which would move its schedules"):
        train(longer, tmp_path / "fractions")


def test_the_epochs_that_an_image_count_overrides_may_change_beside_fractions_of_the_run(
    data, tmp_path
):
    fractions = ScheduleConfig(unit="run", learning_rate=((0, 1.0), (0.5, 0.25)))
    config = dataclasses.replace(tiny.config(data), schedule=fractions)
    for epochs in (3, 4):
        lengths = dataclasses.replace(config.train, images=48, epochs=epochs)
        result = train(dataclasses.replace(config, train=lengths), tmp_path)
        assert result.step == result.total_steps
    with pytest.raises(UserError, match=r"train.images = 48, not 0, which would move"):
        train(config, tmp_path)
