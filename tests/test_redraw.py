"""A run that goes on with other random draws: exact on resume, replayed, compared."""

import dataclasses
import shutil

import numpy as np
import pytest

from jaxgan.config.errors import TrainingDiverged
from jaxgan.config.schema import AdamConfig, OptimizerConfig
from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.reproducibility.compare import compare
from jaxgan.reproducibility.replay import replay_step
from jaxgan.runs import checkpoints, layout, ledger
from jaxgan.runs.redraws import Redraw, read_redraws, record_redraw
from jaxgan.training.loop import train
from jaxgan.training.train_seeds import train_seeds
from jaxgan.types import root_key
from tests import tiny
from tests.test_train import assert_same_run

LATENTS, BATCH = CHECKSUM_COLUMNS.index("latents"), CHECKSUM_COLUMNS.index("batch")


@pytest.fixture(scope="module")
def redrawn(finished, data, tmp_path_factory):
    """Three epochs as drawn by the seed, and a fourth and a fifth with other draws."""
    workdir = tmp_path_factory.mktemp("redrawn") / "run"
    shutil.copytree(finished, workdir)
    train(tiny.config(data, epochs=5, redraw=1), workdir)
    return workdir


@pytest.fixture(scope="module")
def longer(finished, data, tmp_path_factory):
    """The same five epochs without other draws."""
    workdir = tmp_path_factory.mktemp("longer") / "run"
    shutil.copytree(finished, workdir)
    train(tiny.config(data, epochs=5), workdir)
    return workdir


def test_other_draws_begin_at_the_checkpoint_and_leave_the_order_of_the_examples(redrawn, longer):
    old, new = ledger.read(longer).checksums, ledger.read(redrawn).checksums
    np.testing.assert_array_equal(old[:36], new[:36])
    np.testing.assert_array_equal(old[:, BATCH], new[:, BATCH])
    assert (old[36:, LATENTS] != new[36:, LATENTS]).all()
    assert read_redraws(redrawn) == [Redraw(37, 1)]
    assert not (longer / layout.REDRAWS).exists()


def test_a_redrawn_run_is_exact_on_resume(redrawn, finished, data, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    for epochs in (4, 5):
        train(tiny.config(data, epochs=epochs, redraw=1), workdir)
    assert_same_run(redrawn, workdir)
    assert read_redraws(workdir) == read_redraws(redrawn)


def test_steps_before_and_after_a_redraw_are_replayed_to_the_bit(redrawn, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(redrawn, workdir)
    for checkpoint in checkpoints.steps(workdir / layout.CHECKPOINTS):
        shutil.rmtree(workdir / layout.CHECKPOINTS / str(checkpoint))
        if checkpoint == 48:
            for step in (36, 37, 60):
                assert replay_step(workdir, step, tmp_path / "a.npz") == []


def test_compare_names_the_setting_and_the_latents(redrawn, longer, tmp_path):
    said = []
    assert not compare(longer, redrawn, tmp_path / "a.png", said.append)
    assert "config.train.redraw: 0, 1" in said
    assert any("first difference at step 37: latents" in line for line in said)
    assert any("replayed: the runs diverge" in line for line in said)


def test_seeds_of_one_program_are_redrawn_too(data, tmp_path):
    def config(epochs, redraw):
        single = tiny.config(data, epochs=epochs, redraw=redraw, seeds_at_once=2)
        return dataclasses.replace(single, seeds=(0, 1))

    train_seeds(config(1, 0), tmp_path / "run")
    train_seeds(config(2, 3), tmp_path / "run")
    for seed in (0, 1):
        folder = tmp_path / "run" / f"seed_000{seed}"
        assert read_redraws(folder) == [Redraw(13, 3)]
        _, _, state = checkpoints.load_run(folder)
        assert state.key == root_key(seed, 3)


def test_a_run_may_change_its_draws_several_times_and_go_back(tmp_path):
    record_redraw(tmp_path, 0, 0)
    assert read_redraws(tmp_path) == []
    record_redraw(tmp_path, 12, 2)
    record_redraw(tmp_path, 24, 2)
    record_redraw(tmp_path, 36, 0)
    assert read_redraws(tmp_path) == [Redraw(13, 2), Redraw(37, 0)]
    record_redraw(tmp_path, 36, 1)
    assert read_redraws(tmp_path) == [Redraw(13, 2), Redraw(37, 1)]


def test_a_redraw_whose_checkpoint_is_gone_begins_at_the_one_before_and_says_so(tmp_path, capsys):
    record_redraw(tmp_path, 24, 1)
    assert capsys.readouterr().err == ""
    record_redraw(tmp_path, 12, 1)
    assert "applied from step 25 on, whose checkpoint is damaged" in capsys.readouterr().err
    assert read_redraws(tmp_path) == [Redraw(13, 1)]


def test_a_best_checkpoint_that_will_not_be_reached_again_is_set_aside(tmp_path):
    (tmp_path / layout.BEST_CHECKPOINT / "36").mkdir(parents=True)
    record_redraw(tmp_path, 24, 0)
    assert checkpoints.steps(tmp_path / layout.BEST_CHECKPOINT) == [36]
    record_redraw(tmp_path, 24, 1)
    assert (tmp_path / layout.BEST_CHECKPOINT / "36.redrawn").is_dir()


def test_a_divergence_says_what_helps_in_this_folder_and_what_in_another(data, tmp_path):
    wild = OptimizerConfig(gen=AdamConfig(learning_rate=1e38), disc=AdamConfig(learning_rate=1e38))
    config = dataclasses.replace(tiny.config(data, epochs=3), optimizer=wild)
    with pytest.raises(TrainingDiverged) as raised:
        train(config, tmp_path / "run")
    here, elsewhere = str(raised.value).split("--config.train.redraw=1")
    assert "in this folder" in here
    assert elsewhere == "; a smaller learning rate or a gradient penalty needs another --workdir"
