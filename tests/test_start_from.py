"""New runs that begin with the networks of another run: config.start_from."""

import dataclasses
import shutil

import jax
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import EmaConfig, ScheduleConfig
from jaxgan.reproducibility.compare import compare
from jaxgan.reproducibility.replay import load_for_replay, replay_step, state_at
from jaxgan.runs import checkpoints, layout, ledger
from jaxgan.runs.environment import read_environment
from jaxgan.runs.seed_folders import seed_folder
from jaxgan.training.loop import train
from jaxgan.training.train_seeds import train_seeds
from tests import tiny

SCHEDULED = {"schedule": ScheduleConfig(learning_rate=((0, 1.0), (96, 0.5)))}


def config(data, start_from, *, optimizers=False, epochs=1, **changes):
    start = {"start_from": str(start_from), "start_optimizers": optimizers}
    return dataclasses.replace(tiny.config(data, epochs=epochs), **start, **changes)


def first_state(workdir):
    _, _, like = checkpoints.load_run(workdir)
    return checkpoints.restore(workdir / layout.START, like, 0)


def same(a, b):
    leaves = [checkpoints.named_leaves(tree) for tree in (a, b)]
    assert leaves[0].keys() == leaves[1].keys()
    return all(np.array_equal(leaf, leaves[1][name]) for name, leaf in leaves[0].items())


@pytest.fixture(scope="module")
def begun(data, finished, tmp_path_factory):
    """A run of one epoch that began with the networks of `finished`."""
    workdir = tmp_path_factory.mktemp("begun") / "run"
    train(config(data, finished), workdir)
    return workdir


def test_a_run_begins_with_the_other_networks_and_nothing_else_of_it(begun, finished):
    start, source = first_state(begun), checkpoints.load_run(finished)[2]
    for ours, theirs in ((start.gen, source.gen), (start.disc, source.disc)):
        assert same((ours.params, ours.stats), (theirs.params, theirs.stats))
        assert not any(leaf.any() for leaf in checkpoints.named_leaves(ours.opt_state).values())
    assert int(start.step) == 0
    assert int(checkpoints.load_run(begun)[2].step) == 12


@pytest.mark.parametrize("changes", [{}, SCHEDULED], ids=["constant", "scheduled"])
def test_the_moments_are_taken_too_if_asked_for_and_schedules_begin_anew(
    data, finished, tmp_path, changes
):
    train(config(data, finished, optimizers=True, **changes), tmp_path / "run")
    start, source = first_state(tmp_path / "run"), checkpoints.load_run(finished)[2]
    assert same(start.disc.opt_state[0], source.disc.opt_state[0])
    assert int(start.gen.opt_state[0].count) == 36
    counts = checkpoints.named_leaves(start.gen.opt_state[1])
    assert [int(count) for count in counts.values()] == ([0] if changes else [])


def test_averaged_weights_begin_with_the_weights_where_the_other_run_has_no_average(
    data, finished, tmp_path
):
    train(config(data, finished, ema=EmaConfig(half_life=100)), tmp_path / "run")
    start = first_state(tmp_path / "run")
    assert same(start.ema_params, start.gen.params)


def test_the_record_says_what_was_taken(begun, finished):
    record = read_environment(begun)["start_from"]
    leaves = checkpoints.flatten(checkpoints.load_run(finished)[2])
    assert record.pop("checkpoint_sha256") == checkpoints.leaves_sha256(leaves)
    assert len(record.pop("sha256")) == 64
    assert record == {"run": str(finished), "step": 36, "optimizers": False}


def test_the_other_run_is_read_once_and_may_be_gone_then(data, finished, begun, tmp_path):
    other = shutil.copytree(finished, tmp_path / "other")
    train(config(data, other), tmp_path / "run")
    shutil.rmtree(other)
    record = read_environment(tmp_path / "run")
    for damaged in (False, True):
        if damaged:  # as after a kill before the first checkpoint
            shutil.rmtree(tmp_path / "run" / layout.CHECKPOINTS)
        train(config(data, other), tmp_path / "run")
        found = [ledger.read(workdir).checksums for workdir in (begun, tmp_path / "run")]
        np.testing.assert_array_equal(*found)
        assert ledger.read_leaves(begun) == ledger.read_leaves(tmp_path / "run")
    assert read_environment(tmp_path / "run") == record


def test_first_steps_are_replayed_from_the_state_that_the_run_keeps(begun, tmp_path):
    run = shutil.copytree(begun, tmp_path / "run")
    shutil.rmtree(run / layout.CHECKPOINTS)
    loaded = load_for_replay(run)
    assert replay_step(run, 5, tmp_path / "step.npz") == []
    shutil.rmtree(run / layout.START)
    with pytest.raises(UserError, match="start: is gone"):
        state_at(loaded, 4)


def test_compare_shows_that_runs_began_differently(begun, finished, tmp_path):
    lines = []
    assert not compare(begun, finished, tmp_path / "plot.png", lines.append)
    text = "\n".join(lines)
    assert f"config.start_from: {str(finished)!r}, ''" in text
    assert "environment start_from.step: 36, none" in text
    assert "the runs diverge before the first step" in text


@pytest.mark.parametrize("ref", ["checkpoints/24", "~"], ids=["a step", "home"])
def test_a_checkpoint_can_be_named_and_home_is_expanded(data, finished, tmp_path, monkeypatch, ref):
    monkeypatch.setenv("HOME", str(finished.parent))
    path = f"~/{finished.name}" if ref == "~" else finished / ref
    train(config(data, path), tmp_path / "run")
    assert read_environment(tmp_path / "run")["start_from"]["step"] == (36 if ref == "~" else 24)


@pytest.mark.parametrize("at_once", [1, 2])
def test_each_of_many_seeds_begins_with_them(data, finished, tmp_path, at_once):
    many = dataclasses.replace(config(data, finished), seeds=2)
    train_seeds(
        dataclasses.replace(many, train=dataclasses.replace(many.train, seeds_at_once=at_once)),
        tmp_path / "seeds",
    )
    states = [first_state(seed_folder(tmp_path / "seeds", seed)) for seed in (0, 1)]
    assert same(states[0].gen, states[1].gen)
    keys = [jax.random.key_data(state.key) for state in states]
    assert not np.array_equal(*keys)


@pytest.mark.parametrize(
    ("start_from", "changes", "message"),
    [
        (
            "nowhere",
            {},
            r"config\.start_from = '/.*/nowhere': no such folder; must be a run",
        ),
        ("data", {}, "holds no run"),
        ("checkpoints/7", {}, "no checkpoint of step 7; there are: "),
        (
            "run",
            {"network": NetworkConfig(latent_size=5, gen_widths=(9,), disc_widths=(6,))},
            r"gen\.params\.Linear_0\.\S+ is float32\(7,\) there and float32\(9,\) here",
        ),
    ],
    ids=["no folder", "no run", "no such checkpoint", "other networks"],
)
def test_what_cannot_be_taken_is_refused_before_anything_is_written(
    data, finished, tmp_path, start_from, changes, message
):
    paths = {"data": data, "run": finished, "checkpoints/7": finished / "checkpoints/7"}
    wrong = config(data, paths.get(start_from, start_from), **changes)
    for start in (train, lambda c, workdir: train_seeds(dataclasses.replace(c, seeds=2), workdir)):
        with pytest.raises(UserError, match=message) as error:
            start(wrong, tmp_path / "run")
        assert "\n" not in str(error.value)
        assert not (tmp_path / "run").exists()


def test_a_run_cannot_begin_anew_with_others(data, begun):
    with pytest.raises(UserError, match=r"its run has config\.start_from = .*, not ''"):
        train(tiny.config(data, epochs=1), begun)


def test_a_home_that_does_not_exist_is_named_with_its_setting(data, tmp_path):
    with pytest.raises(UserError, match=r"start_from = '~nobody-here/a': .*no home folder"):
        config(data, "~nobody-here/a")


def test_a_relative_path_is_recorded_as_what_it_meant(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recorded = config(data, "runs/a")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir("other")
    assert recorded.start_from == str(tmp_path / "runs/a")
    assert config(data, "runs/a") != recorded
