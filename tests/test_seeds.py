import dataclasses
import json
import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import apart, checkpoints, ensemble, ledger, records, summary
from jaxgan import steps as steps_module
from jaxgan import train as train_module
from jaxgan.config import (
    Config,
    NetworkConfig,
    SaveConfig,
    TrainConfig,
    UserError,
    default_config,
    from_mapping,
)
from jaxgan.data import epoch_order
from jaxgan.ensemble import train_seeds
from jaxgan.evaluate_seeds import evaluate_seeds
from jaxgan.members import folder_of, folders
from jaxgan.plots.seeds import bands
from jaxgan.report import report
from jaxgan.sample import sample
from jaxgan.seeds import of_seed, resolved
from jaxgan.state import build_gan, init_state
from jaxgan.steps import MARKS, train_epoch, train_epochs
from jaxgan.train import train
from tests import tiny

DRAWN = [MARKS.index(name) for name in ("batch", "latents")]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.write_data(tmp_path_factory.mktemp("data"))


def seeds(data, *numbers, **train):
    return dataclasses.replace(tiny.config(data, **train), seeds=numbers)


def measured(config):
    features = "tests.tiny:flat_features"
    light = dataclasses.replace(config.evaluate, every=1, num_samples=50, features=features)
    return dataclasses.replace(config, evaluate=light)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
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


def rows_without_times(workdir):
    return [{**row, "seconds": 0} for row in records.read_rows(workdir)]


def files(workdir):
    """Those that hold no times and no names that Orbax draws."""
    names = [path.relative_to(workdir) for path in workdir.rglob("*") if path.is_file()]
    drawn = (records.CHECKPOINTS, records.BEST_CHECKPOINT, records.METRICS)
    return {
        str(name): (workdir / name).read_bytes() for name in names if name.parts[0] not in drawn
    }


def assert_same_run(a, b):
    assert files(a) == files(b)
    assert rows_without_times(a) == rows_without_times(b)
    config, gan, like = checkpoints.load_run(a)
    del config, gan
    for name in (records.CHECKPOINTS, records.BEST_CHECKPOINT):
        assert checkpoints.steps(a / name) == checkpoints.steps(b / name)
        for step in checkpoints.steps(a / name):
            states = [checkpoints.restore(run / name, like, step) for run in (a, b)]
            ours, theirs = (checkpoints.fingerprint(checkpoints.flatten(state)) for state in states)
            assert ours == theirs


def test_one_after_the_other_members_are_the_runs_trained_alone_to_the_bit(
    finished, data, tmp_path
):
    for seed in (0, 1):
        alone = tmp_path / f"alone{seed}"
        train(measured(dataclasses.replace(tiny.config(data), seed=seed)), alone)
        assert {"ledger.tsv", "leaves.jsonl", "config.json", "curves.png"} <= files(alone).keys()
        assert_same_run(folder_of(finished, seed), alone)
    first, second = (files(folder_of(finished, seed)) for seed in (0, 1))
    assert first["ledger.tsv"] != second["ledger.tsv"]


def test_the_second_seed_compiles_nothing(data, tmp_path):
    compiled, at = [], {}

    def listen(event, duration, **kwargs):
        del duration, kwargs
        if event.endswith("backend_compile_duration"):
            compiled.append(event)

    def noting(*args, run=train_module.train_together, **kwargs):
        before = len(compiled)
        outcome = run(*args, **kwargs)
        at[next(iter(args[1].values())).seed] = len(compiled) - before
        return outcome

    config = measured(seeds(data, 3, 4, 5))
    network = dataclasses.replace(config.network, gen_widths=(9,))  # as no other test has
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble, "train_together", noting)
        jax.monitoring.register_event_duration_secs_listener(listen)
        try:
            train_seeds(dataclasses.replace(config, network=network), tmp_path / "run")
        finally:
            jax.monitoring.unregister_event_duration_listener(listen)
    assert at[3] > 0
    assert (at[4], at[5]) == (0, 0)


def test_rules_are_the_same_object_for_all_seeds():
    config = dataclasses.replace(Config(), seeds=(3, 4))
    gans = [build_gan(c, (4, 4, 1)) for c in (config, of_seed(config, 3), of_seed(config, 4))]
    assert gans[0] is gans[1] is gans[2]


NETWORKS = {
    "mlp": ((6, 6, 1), NetworkConfig(latent_size=10, gen_widths=(25, 51), disc_widths=(51, 25))),
    "dcgan": ((28, 28, 1), NetworkConfig("dcgan", latent_size=5, gen_channels=2, disc_channels=2)),
}


QUICK_FIRST = [
    pytest.param(name, marks=[pytest.mark.slow] if name != "mlp" else []) for name in NETWORKS
]


def losses_alone_and_together(name, steps, dtype):
    """(seeds, steps, 2) losses of three runs, each alone and all in one program."""
    shape, network = NETWORKS[name]
    config = dataclasses.replace(Config(), network=network, train=TrainConfig(batch_size=8))
    gan = build_gan(config, shape)
    pixels = jax.random.randint(jax.random.key(9), (8 * steps, *shape), 0, 256).astype(jnp.uint8)

    def fresh(seed):
        def cast(leaf):
            return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

        return jax.tree.map(cast, init_state(gan, shape, jax.random.key(seed)))

    orders = [epoch_order(fresh(seed).key, 0, len(pixels), 8) for seed in range(3)]
    alone = [train_epoch(gan, fresh(seed), pixels, orders[seed])[1] for seed in range(3)]
    states = apart.together(None, [fresh(seed) for seed in range(3)])
    states, history = train_epochs(gan, states, pixels, jnp.stack(orders))
    assert states.step.tolist() == [steps] * 3
    joint = apart.each(history, 3)
    for ours, theirs in zip(joint, alone, strict=True):
        for mark in ("ledger/batch", "ledger/latents"):
            np.testing.assert_array_equal(ours[mark], theirs[mark])
    names = ("disc/loss", "gen/loss")
    return [
        np.array([[np.asarray(part[name], np.float64) for name in names] for part in found])
        for found in (alone, joint)
    ]


@pytest.mark.parametrize("name", QUICK_FIRST)
def test_together_losses_are_those_of_runs_alone_to_1e_5_over_10_steps(name):
    alone, joint = losses_alone_and_together(name, 10, jnp.float32)
    np.testing.assert_allclose(joint, alone, rtol=0, atol=1e-5)
    assert np.ptp(alone, axis=0).min() > 1e-4  # seeds differ


@pytest.mark.parametrize("name", QUICK_FIRST)
@pytest.mark.usefixtures("float64")
def test_together_losses_are_those_of_runs_alone_to_1e_9_over_100_steps_of_float64(
    name, monkeypatch
):
    monkeypatch.setattr(steps_module, "to_images", lambda p: p.astype(jnp.float64) / 127.5 - 1)
    alone, joint = losses_alone_and_together(name, 100, jnp.float64)
    np.testing.assert_allclose(joint, alone, rtol=0, atol=1e-9)


def test_together_runs_draw_what_each_draws_alone(finished, together):
    for seed in (0, 1):
        alone = ledger.read(folder_of(finished, seed))
        joint = ledger.read(folder_of(together, seed))
        np.testing.assert_array_equal(joint.marks[:24, DRAWN], alone.marks[:, DRAWN])


def test_a_group_killed_between_its_saves_ends_as_one_never_killed(together, data, tmp_path):
    """The first member's save of step 24 was on the disk, the second's was not."""
    workdir = tmp_path / "killed"
    train_seeds(seeds(data, 0, 1, seeds_at_once=2), workdir)
    (workdir / "seeds.json").unlink()
    shutil.rmtree(folder_of(workdir, 1) / "checkpoints" / "24")
    outcomes = train_seeds(seeds(data, 0, 1, epochs=3, seeds_at_once=2), workdir)
    assert [out.first_step for out in outcomes.values()] == [12, 12]
    for seed in (0, 1):
        assert_same_run(folder_of(workdir, seed), folder_of(together, seed))


def test_a_damaged_checkpoint_of_one_takes_its_group_to_the_one_before(
    together, data, tmp_path, capsys
):
    workdir = tmp_path / "damaged"
    train_seeds(seeds(data, 0, 1, seeds_at_once=2), workdir)
    shutil.rmtree(folder_of(workdir, 1) / "checkpoints" / "24" / "state")
    outcomes = train_seeds(seeds(data, 0, 1, epochs=3, seeds_at_once=2), workdir)
    assert [out.first_step for out in outcomes.values()] == [12, 12]
    assert "24: damaged checkpoint" in capsys.readouterr().err
    for seed in (0, 1):
        assert rows_without_times(folder_of(workdir, seed)) == rows_without_times(
            folder_of(together, seed)
        )


def test_as_many_seeds_share_a_program_as_pays(monkeypatch):
    dense = dataclasses.replace(Config(), seeds=3)
    convolutional = from_mapping({"seeds": 3, "network": {"name": "dcgan"}})
    assert ensemble.at_once(dense, 1) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert ensemble.at_once(dense, 1) == 3
    assert ensemble.at_once(dense, 2) == 3
    assert ensemble.at_once(convolutional, 1) == 1
    assert ensemble.at_once(convolutional, 2) == 2
    assert ensemble.at_once(from_mapping({"seeds": 3, "parallel": {"shards": 2}}), 1) == 1
    asked = dataclasses.replace(convolutional.train, seeds_at_once=3)
    assert ensemble.at_once(dataclasses.replace(convolutional, train=asked), 1) == 3


def test_seeds_that_share_no_step_go_on_apart():
    groups = ensemble._groups({3: {12, 24}, 0: {0}, 1: {24, 36}, 7: {0}, 8: {0}}, at_once=2)
    assert groups == [[3, 1], [0, 7], [8]]
    assert ensemble._groups({0: {12}, 1: {24}, 2: {12, 24}}, 9) == [[0, 2], [1]]


def test_seeds_can_be_added_and_trained_ones_are_left_alone(finished, data, tmp_path):
    workdir = tmp_path / "more"
    shutil.copytree(finished, workdir)
    before = files(folder_of(workdir, 0))
    assert train_seeds(measured(seeds(data, 0, 1)), workdir) == {}
    outcomes = train_seeds(measured(seeds(data, 2, 1, 0)), workdir)
    assert list(outcomes) == [2]
    assert files(folder_of(workdir, 0)) == before
    assert json.loads((workdir / "seeds.json").read_text())["finished"] == [2, 1, 0]
    with pytest.raises(UserError, match=r"config\.seeds = \(2, 1, 0\), not \(0, 2\)"):
        train_seeds(measured(seeds(data, 0, 2)), workdir)
    with pytest.raises(UserError, match=r"config\.loss = 'non_saturating', not 'hinge'"):
        train_seeds(dataclasses.replace(measured(seeds(data, 0, 1, 2)), loss="hinge"), workdir)


def test_seeds_killed_before_they_were_summed_up_are_summed_up_by_the_next_command(
    finished, data, tmp_path
):
    workdir = tmp_path / "killed"
    shutil.copytree(finished, workdir)
    names = ("seeds.json", summary.BANDS)
    (workdir / names[0]).write_text("{}")  # of fewer seeds or epochs
    (workdir / names[1]).unlink()
    shutil.copytree(
        folder_of(workdir, 0) / "checkpoints/12", folder_of(workdir, 0) / "checkpoints/6"
    )
    config = dataclasses.replace(measured(seeds(data, 0, 1)), save=SaveConfig(every=1, keep=2))
    assert train_seeds(config, workdir) == {}
    for name in names:
        assert (workdir / name).read_bytes() == (finished / name).read_bytes()
    assert checkpoints.steps(folder_of(workdir, 0) / "checkpoints") == [12, 24]


def test_a_folder_holds_one_run_or_runs_of_many_seeds(finished, data):
    with pytest.raises(UserError, match=r"config\.seeds = \(0, 1\), not 0"):
        train(measured(tiny.config(data)), finished)
    with pytest.raises(UserError, match=r"config\.seeds = 0, not \(0, 1\)"):
        train_seeds(measured(seeds(data, 0, 1)), folder_of(finished, 0))


def test_a_member_goes_on_alone_as_the_run_it_is(finished, data, tmp_path):
    config = measured(dataclasses.replace(tiny.config(data, epochs=3), seed=1))
    shutil.copytree(folder_of(finished, 1), tmp_path / "member")
    assert train(config, tmp_path / "member").first_step == 24
    train(config, tmp_path / "alone")
    assert_same_run(tmp_path / "member", tmp_path / "alone")


def test_verbs_of_one_run_name_the_members(finished, tmp_path):
    with pytest.raises(UserError, match=r"name one: .*seed_0000, .*seed_0001"):
        sample(finished, -1, 1, 0, tmp_path / "a.png")
    assert sample(folder_of(finished, 1), -1, 1, 0, tmp_path / "a.png") == 24


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_seed_that_diverges_does_not_take_the_others_with_it(
    data, tmp_path, monkeypatch, at_once
):
    def poisoned(ground, seed, make=train_module.initial_state):
        state = make(ground, seed)
        if seed != 1:
            return state
        params = jax.tree.map(lambda leaf: leaf * jnp.nan, state.gen.params)
        return state.replace(gen=state.gen.replace(params=params))

    monkeypatch.setattr(train_module, "initial_state", poisoned)
    workdir = tmp_path / "run"
    outcomes = train_seeds(seeds(data, 0, 1, 2, seeds_at_once=at_once), workdir)
    assert [bool(out.diverged) for out in outcomes.values()] == [False, True, False]
    found = json.loads((workdir / "seeds.json").read_text())
    assert (found["finished"], list(found["diverged"])) == ([0, 2], ["1"])
    assert "5 updates in a row were not finite" in found["diverged"]["1"]
    assert list(found["metrics"]["gen/loss"]["values"]) == ["0", "2"]
    assert "seed 1 diverged: 5 updates in a row" in report(workdir)
    last = records.read_rows(folder_of(workdir, 2))[-1]
    assert last["step"] == 24
    assert np.isfinite(last["gen/loss"])


def test_statistics_are_numpys():
    values = {0: 3.0, 5: 1.0, 7: 10.0, 8: None, 9: 2.5}
    finite = [3.0, 1.0, 10.0, 2.5]
    found = summary.statistics_of(values)
    assert found["n"] == 4
    assert found["std"] == pytest.approx(np.std(finite, ddof=1), rel=1e-12)
    assert found["mean"] == pytest.approx(4.125, rel=1e-12)
    quartiles = [found[name] for name in ("min", "q1", "median", "q3", "max")]
    np.testing.assert_allclose(quartiles, np.percentile(finite, [0, 25, 50, 75, 100]))
    assert found["values"] == {"0": 3.0, "5": 1.0, "7": 10.0, "8": None, "9": 2.5}
    one = summary.statistics_of({4: 2.0})
    assert (one["n"], one["mean"], one["std"], one["max"]) == (1, 2.0, None, 2.0)
    assert summary.statistics_of({4: None})["median"] is None


def test_the_summary_is_of_the_last_rows_and_the_lowest_distances(finished):
    found = json.loads((finished / "seeds.json").read_text())
    rows = {seed: records.read_rows(folder_of(finished, seed)) for seed in (0, 1)}
    loss = found["metrics"]["disc/loss"]
    assert loss["values"] == {str(seed): part[-1]["disc/loss"] for seed, part in rows.items()}
    (name,) = (name for name in rows[0][-1] if name.startswith("eval/frechet"))
    lowest = [min(row[name] for row in part if name in row) for part in rows.values()]
    best = found["metrics"][name.replace("eval/", "best/")]
    assert list(best["values"].values()) == lowest
    assert found["step"] == 24
    assert not {"step", "epoch", "images", "seconds"} & found["metrics"].keys()
    assert (finished / "seeds.png").read_bytes().startswith(b"\x89PNG")
    assert "disc/loss" in report(finished)
    assert "step 24 of 24, epoch 2 of 2" in report(folder_of(finished, 1))


def test_bands_are_quartiles_of_the_runs_that_have_a_finite_value():
    runs = [[{"epoch": 1.0, "x": value}] for value in (1.0, 2.0, 3.0, 4.0, None)]
    epochs, quartiles = bands([*runs, [{"epoch": 2.0}]], "x")
    assert epochs == [1.0]
    np.testing.assert_allclose(quartiles, [np.percentile([1, 2, 3, 4], [25, 50, 75])])


def test_evaluate_scores_every_member_and_sums_up(finished, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    found = evaluate_seeds(workdir, 50, -1, 0, "tests.tiny:flat_features", ["frechet"])
    assert found == json.loads((workdir / "evaluation.json").read_text())
    assert found["protocol"]["steps"] == {"0": 24, "1": 24}
    for name, statistics in found["metrics"]["generator"].items():
        for seed, folder in folders(workdir).items():
            single = json.loads((folder / "evaluation.json").read_text())
            assert statistics["values"][str(seed)] == single["metrics"]["generator"][name]
            assert found["floor"] == single["metrics"]["floor"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "must be a count from 0 to 10000"),
        (10_001, "must be a count from 0 to 10000"),
        ((1, 1), "a tuple of different seeds"),
        ((0, -1), "each a whole number from 0 to 4294967295"),
        ((2**32,), "each a whole number from 0 to 4294967295"),
        ("two", "must be a count of seeds such as 4, or a tuple"),
        ((0.5,), "must be a count of seeds such as 4, or a tuple"),
        (True, "must be a count of seeds such as 4, or a tuple"),
    ],
)
def test_seeds_that_cannot_be_are_refused_in_one_line(value, words):
    with pytest.raises(UserError, match=r"config\.seeds = ") as error:
        from_mapping({"seeds": value})
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_count_of_seeds_begins_at_the_seed():
    config = resolved(from_mapping({"seed": 5, "seeds": 3}))
    assert config.seeds == (5, 6, 7)
    assert resolved(config) == config
    assert from_mapping(json.loads(json.dumps(dataclasses.asdict(config)))) == config
    assert resolved(from_mapping({"seeds": ()})) == Config()
    with pytest.raises(UserError, match=r"config\.seeds = 3: from config\.seed = 4294967294"):
        from_mapping({"seed": 2**32 - 2, "seeds": 3})


def test_a_config_file_may_give_a_count_or_a_tuple():
    for value in (4, (0, 2)):
        config = default_config()
        config.seeds = value
        assert from_mapping(config.to_dict()).seeds == value


def test_nothing_is_written_where_the_data_do_not_allow_it(data, tmp_path):
    with pytest.raises(UserError, match=r"batch_size = 101.*100 examples"):
        train_seeds(seeds(data, 0, 1, batch_size=101), tmp_path / "run")
    assert os.listdir(tmp_path) == []
