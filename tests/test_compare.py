"""`compare` finds equal runs equal, and names the step and the cause of a difference."""

import contextlib
import dataclasses
import json
import re
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.cli.main import main
from jaxgan.config.schema import AdamConfig, OptimizerConfig, PenaltyConfig, SaveConfig
from jaxgan.data import shuffle
from jaxgan.gan import updates
from jaxgan.gan.steps import trace_epoch, train_epoch
from jaxgan.reproducibility.compare import compare
from jaxgan.reproducibility.replay import load_for_replay, mismatched_columns, state_at
from jaxgan.runs import layout, ledger
from jaxgan.runs.environment import read_environment
from jaxgan.training import input_pipeline
from jaxgan.training.loop import train
from tests import tiny
from tests.figure_data import drawn_figures

EPOCHS = 12  # of 12 steps


@pytest.fixture(scope="module")
def clean(data, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "clean"
    train(config(data), workdir)
    return workdir


@contextlib.contextmanager
def fresh_programs():
    """A run with patched functions is traced again, and so is the run after it."""
    forget_programs()
    try:
        yield
    finally:
        forget_programs()


def forget_programs():
    for program in (train_epoch, trace_epoch):
        program.clear_cache()


def config(data, **changes):
    base = {"save": SaveConfig(every=5, samples_every=0), "ema": tiny.EMA}
    return dataclasses.replace(tiny.config(data, epochs=EPOCHS), **base | changes)


def run_compare(a, b, tmp_path, capsys, replays=True):
    capsys.readouterr()
    same = compare(a, b, tmp_path / "compare.png", print, replays)
    return same, capsys.readouterr().out


def test_the_same_config_twice_is_the_same_bits(clean, data, tmp_path, capsys):
    train(config(data), tmp_path / "again")
    same, out = run_compare(clean, tmp_path / "again", tmp_path, capsys)
    assert same
    assert out == "the same bits: 144 steps, and every array of 3 checkpoints\n"
    assert not (tmp_path / "compare.png").exists()


def flip_a_bit_of_ds_gradient_at(step, bit, monkeypatch):
    original = updates.apply_gradients

    def apply_gradients(player, tx, grads, stats, loss):
        kernel = grads["Linear_0"]["dense"]["kernel"]
        if kernel.shape[0] == tiny.SIDE**2:  # D's
            words = jax.lax.bitcast_convert_type(kernel, jnp.uint32)
            flipped = words.at[3, 2].set(words[3, 2] ^ jnp.uint32(1 << bit))
            kernel = jax.lax.bitcast_convert_type(
                jnp.where(player.opt_state[0].count == step - 1, flipped, words), jnp.float32
            )
            linear = {"dense": grads["Linear_0"]["dense"] | {"kernel": kernel}}
            grads = grads | {"Linear_0": linear}
        return original(player, tx, grads, stats, loss)

    monkeypatch.setattr(updates, "apply_gradients", apply_gradients)


@pytest.mark.parametrize(
    "bit",
    [0, pytest.param(31, marks=pytest.mark.slow)],
)
def test_one_flipped_bit_of_one_gradient_is_named(bit, clean, data, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patched, fresh_programs():
        flip_a_bit_of_ds_gradient_at(134, bit, patched)
        train(config(data), tmp_path / "flipped")
    same, out = run_compare(clean, tmp_path / "flipped", tmp_path, capsys)
    assert not same
    first, cause, *rest = out.splitlines()
    assert first.startswith("the same from step 1 to 133; first difference at step 134: disc_grads")
    assert cause == "  D's gradients, although D's loss is the same"
    assert rest[0] == "replayed: both configs compute the same up to step 134:"
    assert rest[1] == f"  {clean}: its ledger matches the replay of step 134"
    assert rest[2].startswith(
        f"  {tmp_path / 'flipped'}: its ledger does not match the replay of step 134 in disc_grads"
    )


def test_two_swapped_indices_of_a_batch_are_named(clean, data, tmp_path, capsys, monkeypatch):
    original = shuffle.epoch_orders

    def epoch_orders(key, epochs, size, batch_size):
        order = original(key, epochs, size, batch_size)
        if epochs != range(4, 5):  # whose second step is the fiftieth
            return order
        return order.at[1, jnp.array([1, 6])].set(order[1, jnp.array([6, 1])])

    with monkeypatch.context() as patched:
        patched.setattr(input_pipeline, "epoch_orders", epoch_orders)
        train(config(data), tmp_path / "swapped")
    same, out = run_compare(clean, tmp_path / "swapped", tmp_path, capsys)
    assert not same
    assert out.startswith("the same from step 1 to 49; first difference at step 50: batch")
    assert "  different batches" in out
    assert "does not match the replay of step 50 in batch" in out


def test_a_learning_rate_that_differs_in_its_eighth_digit_is_named_with_the_first_array(
    clean, data, tmp_path, capsys
):
    rate = 2.0000002e-4
    adam = OptimizerConfig(disc=AdamConfig(learning_rate=rate))
    train(config(data, optimizer=adam), tmp_path / "rate")
    with drawn_figures():
        same, out = run_compare(clean, tmp_path / "rate", tmp_path, capsys)
    assert not same
    lines = out.splitlines()
    assert lines[0] == f"config.optimizer.disc.learning_rate: 0.0002, {rate}"
    diverged = next(line for line in lines if line.startswith("replayed: the runs diverge at step"))
    step = int(re.findall(r"\d+", diverged)[0])
    seen = int(re.findall(r"difference at step (\d+)", out)[0])
    assert step <= seen <= step + 15
    leaf = lines[lines.index(diverged) + 1]
    assert leaf.startswith("  disc.params.Linear_")
    assert float(leaf.split()[-1]) < 1e-8
    drifts = [re.findall(r"D (\S+), G (\S+)", line)[0] for line in lines if "  step " in line]
    assert 0 < float(drifts[0][0]) < 1e-7
    assert (tmp_path / "compare.png").stat().st_size > 1000


def test_another_penalty_is_named_in_ds_gradients(clean, data, tmp_path, capsys):
    train(config(data, penalty=PenaltyConfig(r1=1.0)), tmp_path / "r1")
    _, out = run_compare(clean, tmp_path / "r1", tmp_path, capsys)
    assert "config.penalty.r1: 0.0, 1.0" in out
    assert "first difference at step 1: disc_grads" in out
    assert "replayed: the runs diverge at step 1" in out
    assert "\n  disc_grads.Linear_0.dense.kernel: " in out


def test_another_version_is_named_though_the_bits_are_the_same(clean, tmp_path, capsys):
    shutil.copytree(clean, tmp_path / "other")
    path = tmp_path / "other" / layout.ENVIRONMENT
    environment = json.loads(path.read_text())
    environment["versions"]["optax"] = "0.0.1"
    path.write_text(json.dumps(environment))
    same, out = run_compare(clean, tmp_path / "other", tmp_path, capsys)
    assert same
    assert re.match(r"environment versions\.optax: \d\S+, 0\.0\.1\nthe same bits", out)


def test_a_run_that_ends_earlier_is_not_the_same(clean, data, tmp_path, capsys):
    train(
        dataclasses.replace(config(data), train=tiny.config(data, epochs=3).train), tmp_path / "3"
    )
    same, out = run_compare(clean, tmp_path / "3", tmp_path, capsys)
    assert not same
    assert f"the same bits up to step 36, where {tmp_path / '3'} ends" in out


def test_runs_of_other_networks_are_compared_as_far_as_they_can_be(clean, data, tmp_path, capsys):
    network = dataclasses.replace(config(data).network, gen_widths=(9,))
    train(config(data, network=network), tmp_path / "wide")
    same, out = run_compare(clean, tmp_path / "wide", tmp_path, capsys)
    assert not same
    assert "config.network.gen_widths: (7,), (9,)" in out
    assert "not replayed: the networks or optimizer states have different arrays" in out


def test_a_checkpoint_that_differs_under_an_equal_ledger_is_named(clean, tmp_path, capsys):
    shutil.copytree(clean, tmp_path / "other")
    path = tmp_path / "other" / ledger.LEAVES
    lines = path.read_text().splitlines()
    row = json.loads(lines[-1])
    row["leaves"]["gen.params.Linear_1.dense.kernel"] = "0" * 16
    path.write_text("\n".join([*lines[:-1], json.dumps(row)]) + "\n")
    same, out = run_compare(clean, tmp_path / "other", tmp_path, capsys)
    assert not same
    assert "checkpoints of step 144 differ in: gen.params.Linear_1.dense.kernel" in out


def test_runs_that_cannot_be_compared_exit_with_2(clean, tmp_path, capsys):
    for other, message in (
        (tmp_path / "none", "holds no run"),
        (clean, "has no ledger.tsv"),
    ):
        if other is clean:
            other = tmp_path / "bare"
            other.mkdir()
            for name in (layout.CONFIG, layout.ENVIRONMENT):
                (other / name).write_bytes((clean / name).read_bytes())
        assert main(["compare", str(clean), str(other)]) == 2
        err = capsys.readouterr().err
        assert message in err
        assert len(err.splitlines()) == 1


def test_a_run_on_several_devices_is_said_to_be_equal_up_to_rounding(clean, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(clean, other)
    lines = (other / ledger.LEDGER).read_text().splitlines()
    column, cells = lines[0].split("\t").index("disc_grads"), lines[134].split("\t")
    cells[column] = f"{int(cells[column], 16) ^ 1:08x}"
    lines[134] = "\t".join(cells)
    (other / ledger.LEDGER).write_text("\n".join(lines) + "\n")
    replayed = [
        "replay",
        "--workdir",
        str(other),
        "--step",
        "134",
        "--out",
        str(tmp_path / "x.npz"),
    ]
    for devices, words in ((1, "outside config and data"), (2, "trained on 2 devices")):
        found = read_environment(other)
        found["changes"] = [{"devices": ["cpu: cpu"] * devices}]
        (other / layout.ENVIRONMENT).write_text(json.dumps(found))
        same, out = run_compare(clean, other, tmp_path, capsys)
        assert not same
        assert words in out
        assert main(replayed) == 1
        assert ("trained on 2 devices" in capsys.readouterr().out) == (devices == 2)


@pytest.mark.parametrize("faulty", ["combined", "plain"])
def test_a_fault_within_combined_steps_is_found_by_replaying_them(
    clean, tmp_path, capsys, monkeypatch, faulty
):
    combined, plain = tmp_path / "combined", tmp_path / "plain"
    for folder in (combined, plain):
        shutil.copytree(clean, folder)
    path = tmp_path / faulty / ledger.LEDGER
    lines = path.read_text().splitlines()
    cells = lines[50].split("\t")
    cells[4] = f"{int(cells[4], 16) ^ 1:08x}"
    path.write_text("\n".join([*lines[:50], "\t".join(cells), *lines[51:]]) + "\n")
    monkeypatch.setattr(ledger, "RECENT", 64)
    ledger.drop_after(combined, 144)
    same, out = run_compare(combined, plain, tmp_path, capsys)
    assert not same
    first, *rest = out.splitlines()
    assert first == "first difference within steps 1 to 64, which share one row"
    assert rest[0] == "replayed: both configs compute the same up to step 64:"
    for folder, line in zip((combined, plain), rest[1:3], strict=True):
        verb = "does not match" if folder.name == faulty else "matches"
        assert line.startswith(f"  {folder}: its ledger {verb} the replay of steps 1 to 64")
    arguments = ["--step", "50", "--out", str(tmp_path / "x.npz")]
    statuses = [
        main(["replay", "--workdir", str(folder), *arguments]) for folder in (combined, plain)
    ]
    assert statuses == [int(faulty == "combined"), int(faulty == "plain")]


def test_runs_are_the_same_bits_if_only_one_has_combined_its_old_steps(
    clean, tmp_path, capsys, monkeypatch
):
    shutil.copytree(clean, tmp_path / "combined")
    monkeypatch.setattr(ledger, "RECENT", 64)
    ledger.drop_after(tmp_path / "combined", 144)
    same, out = run_compare(clean, tmp_path / "combined", tmp_path, capsys)
    assert same
    assert out == "the same bits: 144 steps, and every array of 3 checkpoints\n"


def test_any_step_is_replayed_with_the_bits_of_the_ledger(clean):
    run = load_for_replay(clean)
    for step in (1, 2, 12, 13, 60, 61, 74, 144):  # before and after epochs' ends, kept or not
        row = ledger.read(clean).row_with(step)
        assert mismatched_columns(run, row, state_at(run, step - 1)) == []


def test_replay_writes_what_a_step_used_and_computed(clean, tmp_path, capsys):
    out = tmp_path / "step.npz"
    arguments = ["replay", "--workdir", str(clean), "--step", "26", "--out", str(out)]
    assert main(arguments) == 0
    assert "with the bits that the run's ledger has" in capsys.readouterr().out
    arrays = np.load(out)
    pixels = load_for_replay(clean).pixels
    np.testing.assert_array_equal(arrays["pixels"], pixels[arrays["indices"]])
    assert arrays["latents"].shape == (1, 8, 5)
    assert arrays["gen_grads.Linear_0.dense.kernel"].shape == (5, 7)
    grads = [arrays[name] for name in arrays.files if name.startswith("disc_grads")]
    norm = np.sqrt(sum(np.sum(grad.astype(np.float64) ** 2) for grad in grads))
    np.testing.assert_allclose(arrays["disc/grad_norm"], norm, rtol=1e-6)


def test_replay_of_a_step_after_the_last_names_the_recorded_steps(clean, tmp_path, capsys):
    arguments = ["--step", "145", "--out", str(tmp_path / "x.npz")]
    assert main(["replay", "--workdir", str(clean), *arguments]) == 2
    assert "--step 145" in (err := capsys.readouterr().err)
    assert "has steps 1 to 144" in err
