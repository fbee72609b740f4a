import contextlib
import dataclasses
import json
import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.cli.sample import sample
from jaxgan.config.errors import UserError
from jaxgan.config.schema import SaveConfig
from jaxgan.evaluation.evaluate_seeds import evaluate_seeds
from jaxgan.evaluation.request import EvaluateRequest
from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.runs import checkpoints, layout, ledger, row_files
from jaxgan.runs.report import report
from jaxgan.runs.seed_folders import seed_folder, seed_folders
from jaxgan.training import group_writer, setup
from jaxgan.training import loop as train_module
from jaxgan.training import train_seeds as multi_seed
from jaxgan.training.loop import train
from jaxgan.training.train_seeds import train_seeds
from tests import tiny
from tests.test_train import rows_without_times

DRAWN = [CHECKSUM_COLUMNS.index(name) for name in ("batch", "latents")]


def seeds(data, *numbers, **train):
    return dataclasses.replace(tiny.config(data, **train), seeds=numbers)


def measured(config):
    features = "tests.tiny:flat_features"
    light = dataclasses.replace(config.evaluate, every=1, num_samples=50, features=features)
    return dataclasses.replace(config, evaluate=light)


@pytest.fixture(scope="module")
def one_by_one(data, tmp_path_factory):
    """Seeds 0 and 1, one after the other."""
    workdir = tmp_path_factory.mktemp("runs") / "both"
    train_seeds(measured(seeds(data, 0, 1)), workdir)
    return workdir


@pytest.fixture(scope="module")
def together(data, tmp_path_factory):
    """Seeds 0 and 1 in one program."""
    workdir = tmp_path_factory.mktemp("runs") / "together"
    train_seeds(seeds(data, 0, 1, epochs=3, seeds_at_once=2), workdir)
    return workdir


@pytest.fixture(scope="module")
def shorter(data, tmp_path_factory):
    """The same, an epoch less."""
    workdir = tmp_path_factory.mktemp("runs") / "shorter"
    train_seeds(seeds(data, 0, 1, seeds_at_once=2), workdir)
    return workdir


def files(workdir):
    """Those that hold no times and no names that are drawn at each start."""
    names = [path.relative_to(workdir) for path in workdir.rglob("*") if path.is_file()]
    drawn = (layout.CHECKPOINTS, layout.BEST_CHECKPOINT, layout.METRICS, layout.WRITER)
    return {
        str(name): (workdir / name).read_bytes() for name in names if name.parts[0] not in drawn
    }


def assert_same_run(a, b):
    assert files(a) == files(b)
    assert rows_without_times(a) == rows_without_times(b)
    config, gan, like = checkpoints.load_run(a)
    del config, gan
    for name in (layout.CHECKPOINTS, layout.BEST_CHECKPOINT):
        assert checkpoints.steps(a / name) == checkpoints.steps(b / name)
        for step in checkpoints.steps(a / name):
            states = [checkpoints.restore(run / name, like, step) for run in (a, b)]
            ours, theirs = (
                checkpoints.leaves_sha256(checkpoints.flatten(state)) for state in states
            )
            assert ours == theirs


def test_one_after_the_other_members_are_the_runs_trained_alone_to_the_bit(
    one_by_one, data, tmp_path
):
    for seed in (0, 1):
        alone = tmp_path / f"alone{seed}"
        train(measured(dataclasses.replace(tiny.config(data), seed=seed)), alone)
        assert {"ledger.tsv", "leaves.jsonl", "config.json", "curves.png"} <= files(alone).keys()
        assert_same_run(seed_folder(one_by_one, seed), alone)
    first, second = (files(seed_folder(one_by_one, seed)) for seed in (0, 1))
    assert first["ledger.tsv"] != second["ledger.tsv"]


def test_the_second_seed_compiles_nothing(data, tmp_path):
    compiled, at = [], {}

    def listen(event, duration, **kwargs):
        del duration, kwargs
        if event.endswith("backend_compile_duration"):
            compiled.append(event)

    def noting(*args, run=train_module.train_run, **kwargs):
        before = len(compiled)
        result = run(*args, **kwargs)
        at[args[2].seed] = len(compiled) - before
        return result

    config = measured(seeds(data, 3, 4))
    network = dataclasses.replace(config.network, gen_widths=(9,))  # as no other test has
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multi_seed, "train_run", noting)
        jax.monitoring.register_event_duration_secs_listener(listen)
        try:
            train_seeds(dataclasses.replace(config, network=network), tmp_path / "run")
        finally:
            jax.monitoring.unregister_event_duration_listener(listen)
    assert at[3] > 0
    assert at[4] == 0


def test_together_runs_draw_what_each_draws_alone(one_by_one, together):
    for seed in (0, 1):
        alone = ledger.read(seed_folder(one_by_one, seed))
        joint = ledger.read(seed_folder(together, seed))
        np.testing.assert_array_equal(joint.checksums[:24, DRAWN], alone.checksums[:, DRAWN])


def test_a_group_killed_between_its_saves_ends_as_one_never_killed(
    together, shorter, data, tmp_path
):
    """The first member's save of step 24 was on the disk, the second's was not."""
    workdir = tmp_path / "killed"
    shutil.copytree(shorter, workdir)
    (workdir / "seeds.json").unlink()
    shutil.rmtree(seed_folder(workdir, 1) / "checkpoints" / "24")
    outcomes = train_seeds(seeds(data, 0, 1, epochs=3, seeds_at_once=2), workdir)
    assert [out.first_step for out in outcomes.values()] == [12, 12]
    for seed in (0, 1):
        assert_same_run(seed_folder(workdir, seed), seed_folder(together, seed))


def test_a_damaged_checkpoint_of_one_takes_its_group_to_the_one_before(
    together, shorter, data, tmp_path, capsys
):
    workdir = tmp_path / "damaged"
    shutil.copytree(shorter, workdir)
    shutil.rmtree(seed_folder(workdir, 1) / "checkpoints" / "24" / "state")
    outcomes = train_seeds(seeds(data, 0, 1, epochs=3, seeds_at_once=2), workdir)
    assert [out.first_step for out in outcomes.values()] == [12, 12]
    assert "24: damaged checkpoint" in capsys.readouterr().err
    for seed in (0, 1):
        assert rows_without_times(seed_folder(workdir, seed)) == rows_without_times(
            seed_folder(together, seed)
        )


def test_seeds_can_be_added_and_trained_ones_are_left_alone(one_by_one, data, tmp_path):
    workdir = tmp_path / "more"
    shutil.copytree(one_by_one, workdir)
    before = files(seed_folder(workdir, 0))
    assert train_seeds(measured(seeds(data, 0, 1)), workdir) == {}
    outcomes = train_seeds(measured(seeds(data, 2, 1, 0)), workdir)
    assert list(outcomes) == [2]
    assert files(seed_folder(workdir, 0)) == before
    assert json.loads((workdir / "seeds.json").read_text())["finished"] == [2, 1, 0]
    with pytest.raises(UserError, match=r"config\.seeds = \(2, 1, 0\), not \(0, 2\)"):
        train_seeds(measured(seeds(data, 0, 2)), workdir)
    with pytest.raises(UserError, match=r"config\.loss = 'non_saturating', not 'hinge'"):
        train_seeds(dataclasses.replace(measured(seeds(data, 0, 1, 2)), loss="hinge"), workdir)


def test_the_folder_of_many_seeds_may_be_text_with_a_home_folder(
    one_by_one, data, tmp_path, monkeypatch
):
    shutil.copytree(one_by_one, tmp_path / "both")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert train_seeds(measured(seeds(data, 0, 1)), "~/both") == {}


def test_a_group_that_cannot_be_opened_leaves_no_bar(data, tmp_path, monkeypatch):
    closed = []

    @contextlib.contextmanager
    def refuse(*arguments, **named):
        raise UserError("every checkpoint is damaged")
        yield

    monkeypatch.setattr(group_writer, "open_run_writer", refuse)
    monkeypatch.setattr(
        group_writer.SharedProgress, "close", lambda progress: closed.append(progress)
    )
    with pytest.raises(UserError, match="every checkpoint is damaged"):
        train_seeds(seeds(data, 0, 1, seeds_at_once=2), tmp_path / "run")
    assert len(closed) == 1


def test_train_names_the_function_that_trains_several_seeds(data, tmp_path):
    words = r"config\.seeds = \(0, 1\): .* call train_seeds of jaxgan\.training\.train_seeds"
    with pytest.raises(UserError, match=words):
        train(seeds(data, 0, 1), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_seeds_killed_before_they_were_summed_up_are_summed_up_by_the_next_command(
    one_by_one, data, tmp_path
):
    workdir = tmp_path / "killed"
    shutil.copytree(one_by_one, workdir)
    names = ("seeds.json", layout.SEED_BANDS)
    (workdir / names[0]).write_text("{}")  # of fewer seeds or epochs
    (workdir / names[1]).unlink()
    shutil.copytree(
        seed_folder(workdir, 0) / "checkpoints/12", seed_folder(workdir, 0) / "checkpoints/6"
    )
    config = dataclasses.replace(measured(seeds(data, 0, 1)), save=SaveConfig(every=1, keep=2))
    assert train_seeds(config, workdir) == {}
    for name in names:
        assert (workdir / name).read_bytes() == (one_by_one / name).read_bytes()
    assert checkpoints.steps(seed_folder(workdir, 0) / "checkpoints") == [12, 24]


def test_a_folder_holds_one_run_or_runs_of_many_seeds(one_by_one, data):
    with pytest.raises(UserError, match=r"config\.seeds = \(0, 1\), not 0"):
        train(measured(tiny.config(data)), one_by_one)
    with pytest.raises(UserError, match=r"config\.seeds = 0, not \(0, 1\)"):
        train_seeds(measured(seeds(data, 0, 1)), seed_folder(one_by_one, 0))


def test_a_member_goes_on_alone_as_the_run_it_is(one_by_one, data, tmp_path):
    config = measured(dataclasses.replace(tiny.config(data, epochs=3), seed=1))
    shutil.copytree(seed_folder(one_by_one, 1), tmp_path / "member")
    assert train(config, tmp_path / "member").first_step == 24
    train(config, tmp_path / "alone")
    assert_same_run(tmp_path / "member", tmp_path / "alone")


def test_verbs_of_one_run_name_the_members(one_by_one, tmp_path):
    with pytest.raises(UserError, match=r"name one: .*seed_0000, .*seed_0001"):
        sample(one_by_one, "last", 1, 0, tmp_path / "a.png")
    assert sample(seed_folder(one_by_one, 1), "last", 1, 0, tmp_path / "a.png") == 24


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_seed_that_diverges_does_not_take_the_others_with_it(
    data, tmp_path, monkeypatch, at_once
):
    def poisoned(ground, seed, make=setup.initial_state):
        state = make(ground, seed)
        if seed != 1:
            return state
        params = jax.tree.map(lambda leaf: leaf * jnp.nan, state.gen.params)
        return state.replace(gen=state.gen.replace(params=params))

    monkeypatch.setattr(setup, "initial_state", poisoned)
    workdir = tmp_path / "run"
    outcomes = train_seeds(seeds(data, 0, 1, 2, seeds_at_once=at_once), workdir)
    assert [bool(out.diverged) for out in outcomes.values()] == [False, True, False]
    found = json.loads((workdir / "seeds.json").read_text())
    assert (found["finished"], list(found["diverged"])) == ([0, 2], ["1"])
    assert "5 steps in a row had an update that was not finite" in found["diverged"]["1"]
    assert list(found["metrics"]["gen/loss"]["values"]) == ["0", "2"]
    assert "seed 1 diverged: 5 steps in a row" in report(workdir)
    last = row_files.read_rows(seed_folder(workdir, 2))[-1]
    assert last["step"] == 24
    assert np.isfinite(last["gen/loss"])


def test_the_summary_is_of_the_last_rows_and_the_lowest_distances(one_by_one):
    found = json.loads((one_by_one / "seeds.json").read_text())
    rows = {seed: row_files.read_rows(seed_folder(one_by_one, seed)) for seed in (0, 1)}
    loss = found["metrics"]["disc/loss"]
    assert loss["values"] == {str(seed): part[-1]["disc/loss"] for seed, part in rows.items()}
    (name,) = (name for name in rows[0][-1] if name.startswith("eval/frechet"))
    lowest = [min(row[name] for row in part if name in row) for part in rows.values()]
    best = found["metrics"][name.replace("eval/", "best/")]
    assert list(best["values"].values()) == lowest
    assert found["step"] == 24
    assert not {"step", "epoch", "images", "seconds"} & found["metrics"].keys()
    assert (one_by_one / "seeds.png").read_bytes().startswith(b"\x89PNG")
    assert "disc/loss" in report(one_by_one)
    assert "step 24 of 24, epoch 2 of 2" in report(seed_folder(one_by_one, 1))


def test_evaluate_scores_every_member_and_sums_up(one_by_one, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(one_by_one, workdir)
    request = EvaluateRequest(50, features="tests.tiny:flat_features", metrics=("frechet",))
    found = evaluate_seeds(workdir, request)
    assert found == json.loads((workdir / "evaluation.json").read_text())
    assert found["protocol"]["steps"] == {"0": 24, "1": 24}
    for name, statistics in found["metrics"]["generator"].items():
        for seed, folder in seed_folders(workdir).items():
            single = json.loads((folder / "evaluation.json").read_text())
            assert statistics["values"][str(seed)] == single["metrics"]["generator"][name]
            assert found["floor"] == single["metrics"]["floor"]


def test_nothing_is_written_where_the_data_do_not_allow_it(data, tmp_path):
    with pytest.raises(UserError, match=r"batch_size = 101.*100 examples"):
        train_seeds(seeds(data, 0, 1, batch_size=101), tmp_path / "run")
    assert os.listdir(tmp_path) == []
