"""Each version of the mathematics stands for what a choice computes; runs of others are noticed."""

import dataclasses
import json
import shutil

import pytest

from jaxgan.cli.sample import sample
from jaxgan.config import choices
from jaxgan.config.errors import UserError
from jaxgan.config.schema import AugmentConfig, Config, PenaltyConfig
from jaxgan.config.versions import mathematics_of
from jaxgan.reproducibility.replay import replay_step
from jaxgan.runs import checkpoints, layout
from jaxgan.training.loop import train
from tests import tiny
from tests.golden import mathematics

RECORDED = json.loads(mathematics.FILE.read_text())


@pytest.mark.parametrize("name", mathematics.VALUES)
def test_a_change_of_what_a_choice_computes_needs_another_version(name):
    mathematics.check(name, RECORDED[name], mathematics.VALUES[name]())
    advice = "python -m tests.golden.mathematics"
    assert RECORDED[name]["version"] == choices.VERSIONS.get(name, 1), advice


def test_other_values_under_the_same_version_are_noticed():
    loss = mathematics.loss("hinge")
    recorded = {"version": 1, "values": [loss[0] + 0.001, *loss[1:]]}
    with pytest.raises(AssertionError, match="loss hinge computes something else: raise"):
        mathematics.check("loss hinge", recorded, loss)


def test_every_version_is_of_something_that_has_golden_values():
    assert choices.VERSIONS.keys() <= RECORDED.keys()
    assert RECORDED.keys() == mathematics.VALUES.keys()


def test_the_versions_of_a_config_are_those_of_its_choices():
    assert mathematics_of(Config()) == {
        "steps": 1,
        "order of examples": 1,
        "network mlp": 1,
        "loss non_saturating": 1,
    }
    config = dataclasses.replace(
        Config(),
        penalty=PenaltyConfig(lecam=0.1),
        augment=AugmentConfig(policy=("cutout", "mirror"), target=0.6),
    )
    more = mathematics_of(config).items() - mathematics_of(Config()).items()
    assert dict(more) == {
        "penalty lecam": 2,
        "augmentation cutout": 2,
        "augmentation mirror": 1,
        "ada": 2,
    }


@pytest.fixture
def copy(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def edit_environment(workdir, edit):
    path = workdir / layout.ENVIRONMENT
    recorded = json.loads(path.read_text())
    edit(recorded)
    path.write_text(json.dumps(recorded))


def test_a_run_of_other_mathematics_is_not_continued(copy, data, monkeypatch):
    monkeypatch.setitem(choices.VERSIONS, "network mlp", 2)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"network mlp: version 1, now 2\); choose another --w"):
        train(tiny.config(data, epochs=4), copy)
    assert {path: path.read_bytes() for path in before} == before


def test_a_run_of_another_network_version_is_sampled_and_replayed_with_a_warning(
    copy, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(choices.VERSIONS, "network mlp", 2)
    sample(copy, "last", 1, 0, tmp_path / "a.png")
    assert "warning: " in (said := capsys.readouterr().err)
    assert "network mlp: version 1, now 2" in said
    replay_step(copy, 3, tmp_path / "a.npz")
    assert "network mlp: version 1, now 2" in capsys.readouterr().err


def test_samples_do_not_depend_on_the_version_of_the_loss(copy, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(choices.VERSIONS, "loss non_saturating", 2)
    sample(copy, "last", 1, 0, tmp_path / "a.png")
    assert capsys.readouterr().err == ""


def test_a_run_without_versions_is_one_of_version_1(copy, data, monkeypatch):
    edit_environment(copy, lambda recorded: recorded.pop("mathematics"))
    with monkeypatch.context() as patched:
        patched.setitem(choices.VERSIONS, "steps", 2)
        with pytest.raises(UserError, match="steps: version 1, now 2"):
            train(tiny.config(data, epochs=3), copy)
    train(tiny.config(data, epochs=3), copy)
    recorded = json.loads((copy / layout.ENVIRONMENT).read_text())
    assert recorded["mathematics"]["network mlp"] == 1
    assert "changes" not in recorded


def wider(config):
    return dataclasses.replace(config, network=dataclasses.replace(config.network, gen_widths=(9,)))


def test_a_checkpoint_of_another_network_is_not_called_damaged(copy, data, tmp_path):
    config = wider(tiny.config(data, epochs=3))
    path = copy / layout.CONFIG
    values = json.loads(path.read_text())
    values["network"]["gen_widths"] = [9]
    path.write_text(json.dumps(values))
    for use in (
        lambda: sample(copy, "last", 1, 0, tmp_path / "a.png"),
        lambda: train(config, copy),
    ):
        with pytest.raises(UserError, match=r"36: of another network than") as raised:
            use()
        assert "is float32[7], must be float32[9]" in str(raised.value)
    assert checkpoints.steps(copy / layout.CHECKPOINTS) == [12, 24, 36]


def test_checkpoints_that_another_orbax_may_have_written_are_not_only_called_damaged(
    copy, data, tmp_path
):
    def other(recorded):
        recorded["versions"]["orbax-checkpoint"] = "99.1.0"

    edit_environment(copy, other)
    for step in (12, 24, 36):
        (copy / layout.CHECKPOINTS / str(step) / "state" / "manifest.ocdbt").unlink()
    with pytest.raises(UserError, match=r"made by another version: Orbax 99\.1\.0, not .*install"):
        train(tiny.config(data, epochs=3), copy)
    assert checkpoints.steps(copy / layout.CHECKPOINTS) == [12, 24, 36]
