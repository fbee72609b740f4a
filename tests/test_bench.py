"""The bench: it compares what is the same, round by round, and records all that it saw."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxgan.bench import (
    cases,
    evaluation,
    floor,
    growth,
    loop,
    memory,
    ours,
    request,
    run,
    sampling,
    start,
    steps,
)
from jaxgan.bench.flop import layer_products, step_flop
from jaxgan.bench.picture import save_picture
from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import CaseResult, case_record, case_table
from jaxgan.bench.timing import Variant, ratios, summarise, time_in_turn
from jaxgan.cli.main import main
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, PenaltyConfig
from jaxgan.data import load_data
from jaxgan.gan.state import build_gan, init_state
from jaxgan.gan.steps import train_epoch
from tests import tiny

SHAPE = (28, 28, 1)
QUICK = BenchRequest(rounds=2, quick=True)


def config_with(name, **settings):
    return dataclasses.replace(Config(), network=NetworkConfig(name=name, **settings))


def products(config):
    gan = build_gan(config, SHAPE)
    z, images = jax.numpy.zeros((1, gan.latent_size)), jax.numpy.zeros((1, *SHAPE))
    return layer_products(gan.gen, z), layer_products(gan.disc, images)


def flop(config):
    return step_flop(config, build_gan(config, SHAPE), SHAPE)


def test_the_matrix_products_of_a_step_are_counted():
    gen = 100 * 256 + 256 * 512 + 512 * 784
    disc = 784 * 512 + 512 * 256 + 256
    multiplied = 3 * gen - 100 * 256 + 8 * disc - 2 * 784 * 512
    assert flop(config_with("mlp")) == 2 * 64 * multiplied


def test_the_products_of_convolutions_are_counted_at_each_position():
    gen, disc = products(config_with("dcgan", gen_channels=8, disc_channels=8))
    assert gen == [100 * 7 * 7 * 16, 7 * 7 * 16 * 4 * 4 * 8, 14 * 14 * 8 * 4 * 4]
    assert disc == [14 * 14 * 8 * 4 * 4, 7 * 7 * 16 * 4 * 4 * 8, 7 * 7 * 16]


def test_a_grouped_convolution_multiplies_within_its_groups():
    _, disc = products(config_with("r3gan", disc_channels=16, blocks=1))
    assert disc[:3] == [28 * 28 * 16, 28 * 28 * 16 * 32, 28 * 28 * 32 * 9 * 16]


def test_each_gradient_penalty_adds_its_gradient_and_the_derivative_of_that():
    plain = dataclasses.replace(config_with("infogan", disc_norm="none"), loss="relativistic")
    penalised = dataclasses.replace(plain, penalty=PenaltyConfig(r1=1.0, r2=1.0))
    _, disc = products(plain)
    assert flop(penalised) - flop(plain) == 2 * 64 * 2 * (3 * sum(disc) - disc[-1])


def test_the_floor_computes_the_losses_of_our_steps(tmp_path):
    config = tiny.config(tiny.write_data(tmp_path / "data"))
    pixels = jax.device_put(load_data(config.data).pixels)
    state = init_state(build_gan(config, pixels.shape[1:]), pixels.shape[1:], jax.random.key(3))
    order = ours.orders(state.key, len(pixels), 8, 12)
    _, losses = floor.floor_epoch(config, floor.floor_state(state), state.key, pixels, order)
    _, output = train_epoch(build_gan(config, pixels.shape[1:]), state, pixels, order)
    for name, values in zip(("disc/loss", "gen/loss"), losses, strict=True):
        np.testing.assert_allclose(values, output.metrics[name], rtol=1e-5)
    assert len(set(np.asarray(losses[0]).tolist())) == 12


def test_the_orders_of_more_steps_than_an_epoch_has_go_on_with_the_next_epoch():
    order = np.asarray(ours.orders(jax.random.key(0), 10, 5, 3))
    assert order.shape == (3, 5)
    assert sorted(order[:2].ravel()) == list(range(10))


def test_ratios_are_taken_round_by_round_and_not_of_medians():
    rounds = {"ours": [1.0, 2.0, 8.0], "theirs": [3.0, 4.0, 8.0]}
    assert ratios(rounds, "ours") == {"theirs": [3.0, 2.0, 1.0]}
    found = summarise([3.0, 1.0, 2.0])
    assert found == {"median": 2.0, "quartiles": [1.5, 2.5], "rounds": [3.0, 1.0, 2.0]}


def recorder(calls, name, seconds=(1.0,), fails_at=None):
    """A variant that notes its calls, takes these seconds in turn, and fails at one of them."""

    def measure():
        calls.append(name)
        if calls.count(name) == fails_at:
            raise OSError("no compiler\nsecond line")
        return seconds[calls.count(name) % len(seconds)]

    return Variant(lambda: measure, amount=2)


def test_variants_are_called_in_turn_once_before_the_rounds_and_backwards_in_every_other():
    calls = []
    found = time_in_turn({name: recorder(calls, name) for name in "ab"}, rounds=2)
    assert calls == ["a", "b", "a", "b", "b", "a"]
    assert found.rounds == {"a": [0.5, 0.5], "b": [0.5, 0.5]}


@pytest.mark.parametrize("fails_at", [1, 3], ids=["at its first call", "in a later round"])
def test_a_variant_that_fails_is_left_out_with_its_reason_in_one_line(fails_at):
    calls = []
    broken = recorder(calls, "broken", fails_at=fails_at)
    variants = {"ours": recorder(calls, "ours"), "broken": broken, "last": recorder(calls, "last")}
    found = time_in_turn(variants, rounds=3)
    assert list(found.rounds) == ["ours", "last"]
    assert found.left_out == {"broken": "OSError: no compiler"}
    assert [len(values) for values in found.rounds.values()] == [3, 3]


def test_a_variant_that_cannot_be_built_is_left_out():
    def prepare():
        raise ImportError("no module")

    found = time_in_turn({"ours": recorder([], "ours"), "theirs": Variant(prepare)}, rounds=1)
    assert found.left_out == {"theirs": "ImportError: no module"}


def test_an_error_of_the_reference_is_raised():
    with pytest.raises(OSError, match="no compiler"):
        time_in_turn({"ours": recorder([], "ours", fails_at=1)}, rounds=1)


def test_the_record_and_the_table_of_a_case_have_values_ratios_and_reasons():
    rounds = {"ours": [0.001, 0.002], "eager": [0.003, 0.004]}
    result = CaseResult(
        "seconds per step", rounds, {"compile": "no compiler"}, "ours", {"steps": 5}
    )
    record = case_record(result)
    assert record["variants"]["ours"]["rounds"] == [0.001, 0.002]
    assert record["ratios"]["eager"]["rounds"] == [3.0, 2.0]
    assert record["facts"] == {"steps": 5}
    table = case_table("classic", record)
    assert "2.500" in table  # the median of both rounds' ratios
    assert "1.5 ms" in table
    assert "left out: compile: no compiler" in table


def test_the_command_line_knows_the_cases():
    assert list(cases.CASES) == list(request.CASES)
    assert set(request.CURVES) < set(request.CASES)


def test_the_cases_are_listed(capsys):
    assert main(["bench", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(request.CASES)


WRONG = {
    "an unknown case": (["--case", "classic,dcgn"], "--case dcgn: unknown; did you mean dcgan?"),
    "no rounds": (["--rounds", "0"], "1 to 1000"),
    "a file of another kind": (["--json", "bench.txt"], "must end in .json"),
    "a file that exists": (["--json", "old.json"], "exists already; remove it"),
    "no curve to draw": (["--case", "dcgan", "--picture", "x.png"], "batch, width, seeds, data"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_flag_is_one_line_and_measures_nothing(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_text("{}")
    arguments, named = WRONG[name]
    assert main(["bench", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert named in err
    assert (tmp_path / "old.json").read_text() == "{}"


def measured(scale=1.0):
    """A case that measured nothing, with two sizes."""
    rounds = {"64": [1e-6, 2e-6], "16": [4e-6 * scale, 4e-6 * scale]}
    facts = {"axis": "batch size", "flop_per_image": {"64": 1e4, "16": 1e4}}
    return CaseResult("seconds per image", rounds, reference="64", facts=facts)


def failing(request):
    raise RuntimeError("no room\nmore")


def test_the_json_has_command_versions_machine_and_each_round(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(run.CASES, "batch", lambda request: measured())
    monkeypatch.setitem(run.CASES, "width", failing)
    out, picture = tmp_path / "bench.json", tmp_path / "bench.png"
    flags = ["--case", "width,batch", "--quick", "--json", str(out), "--picture", str(picture)]
    assert main(["bench", *flags]) == 1  # since a case failed
    record = json.loads(out.read_text())
    assert record["command"].startswith("jaxgan bench --case width,batch --quick")
    assert {"jaxgan", "jax", "jaxlib", "flax", "optax", "python"} <= set(record["versions"])
    assert record["machine"]["cores"] >= 1
    for rate in ("product_gflop_per_second", "memory_gb_per_second"):
        assert len(record["machine"][rate]["rounds"]) == record["rounds"] == 3
        assert record["machine"][rate]["median"] > 0
    assert record["date"].endswith("+00:00")
    assert record["cases"]["width"] == {"failed": "RuntimeError: no room"}
    assert record["cases"]["batch"]["ratios"]["16"]["rounds"] == [4.0, 2.0]
    assert picture.exists()
    shown = capsys.readouterr().out
    assert "GFLOP/s" in shown
    assert "failed: RuntimeError: no room" in shown


def test_the_picture_shows_the_medians(tmp_path):
    machine = {"cores": 2, "product_gflop_per_second": {"median": 100.0}}
    record = {"versions": {"jax": "1"}, "machine": machine, "devices": ["cpu: cpu"]}
    record |= {"date": "2026-11-30", "quick": False}
    pictures = []
    for scale in (1.0, 2.0):
        case = case_record(measured(scale))
        path = tmp_path / f"{scale}.png"
        assert save_picture(path, record | {"cases": {"batch": case, "seeds": case}})
        pictures.append(path.read_bytes())
    assert pictures[0] != pictures[1]


def test_no_picture_is_written_where_no_curve_was_measured(tmp_path):
    assert not save_picture(tmp_path / "x.png", {"cases": {"batch": {"failed": "no room"}}})
    assert not (tmp_path / "x.png").exists()


def test_a_step_is_compared_with_its_floor_and_its_products(tmp_path, monkeypatch):
    config = tiny.config(tiny.write_data(tmp_path / "data"))
    monkeypatch.setattr(steps, "_pytorch", lambda *arguments: ({}, {"pytorch": "not installed"}))
    result = steps.compare_steps(config, 12, QUICK)
    assert list(result.rounds) == ["ours", "floor", "products"]
    assert all(len(values) == 2 and min(values) > 0 for values in result.rounds.values())
    assert result.left_out == {"pytorch": "not installed"}
    assert result.reference == "ours"


def test_the_loop_is_compared_with_the_bare_epoch(tmp_path):
    config = tiny.config(tiny.write_data(tmp_path / "data"))
    result = loop.loop(BenchRequest(rounds=1), config)
    assert list(result.rounds) == ["epoch", "loop"]
    assert min(result.rounds["loop"]) > 0


SMALL = dataclasses.replace(
    Config(), network=NetworkConfig(latent_size=5, gen_widths=(7,), disc_widths=(6,))
)


@pytest.mark.slow
@pytest.mark.parametrize("name", request.CURVES)
def test_a_curve_has_a_cost_for_each_size(name):
    result = getattr(growth, name)(QUICK, SMALL)
    sizes = {
        "batch": growth.QUICK_BATCHES,
        "width": growth.QUICK_WIDTHS,
        "seeds": growth.QUICK_SEEDS,
        "data": growth.QUICK_EXAMPLES,
    }
    assert list(result.rounds) == [str(size) for size in sizes[name]]
    assert all(min(values) > 0 for values in result.rounds.values())


@pytest.mark.slow
def test_images_and_evaluations_are_timed():
    images = sampling.sampling(QUICK, {"small": SMALL})
    assert min(images.rounds["small"]) > 0
    assert min(evaluation.evaluation(QUICK).rounds["200 images"]) > 0


@pytest.mark.slow
def test_training_takes_more_memory_than_the_imports():
    result = memory.memory(QUICK, (memory.IMPORTS, "classic"))
    (imports,), (classic,) = result.rounds.values()
    assert 5e7 < imports < classic < 1e10


@pytest.mark.slow
def test_a_start_with_a_full_cache_compiles_less():
    result = start.start(BenchRequest(rounds=1))
    found = {name: seconds for name, (seconds,) in result.rounds.items()}
    assert found["full cache: compiling"] < found["empty cache: compiling"]
    assert 0 < found["empty cache: compiling"] < found["empty cache: first steps"]


def test_a_run_that_does_not_start_is_an_error_with_its_last_line(tmp_path):
    with pytest.raises(RuntimeError, match="mnst: neither a file nor a shipped config"):
        start.first_steps(tmp_path, "run", ["--config=mnst"])
