"""Data that are streamed: the run is that of data on the device, in every byte."""

import dataclasses
import os
import re
import types

import jax
import numpy as np
import PIL.Image
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, DataConfig, EvaluateConfig
from jaxgan.data.prefetch import prefetch
from jaxgan.reproducibility.replay import replay_step
from jaxgan.runs import checkpoints, layout, ledger, row_files
from jaxgan.runs.plan import Chunk, StepPlan
from jaxgan.training import input_pipeline
from jaxgan.training.input_pipeline import open_input_pipeline
from jaxgan.training.loop import train
from jaxgan.training.setup import TrainingSetup
from jaxgan.training.train_seeds import train_seeds
from tests import tiny

TIMED = re.compile(r'"seconds": [\d.]+')
MEMORY = re.compile(r'"memory": {[^}]*}')  # it is why data are streamed
CLASSES = "tests.test_evaluate:classifier"


def streamed(config, steps):
    return dataclasses.replace(config, data=dataclasses.replace(config.data, stream=steps))


def content(workdir):
    """What a run left, by name: bytes of files less times, and the arrays of checkpoints."""
    found = {}
    for path in sorted(workdir.rglob("*")):
        name = str(path.relative_to(workdir))
        if not path.is_file() or "checkpoints" in name or "best" in name:
            continue
        # The config says how many are streamed.
        if path.name not in (".lock", ".writer", "config.json"):
            found[name] = MEMORY.sub("", TIMED.sub("", path.read_text("latin-1")))
    for step in checkpoints.steps(workdir / "checkpoints"):
        state = checkpoints.load_run(workdir, step)[2]
        found[step] = checkpoints.leaves_sha256(checkpoints.flatten(state))
    return found


def assert_same_run(a, b):
    first, second = content(a), content(b)
    assert first.keys() == second.keys()
    assert {ledger.LEDGER, ledger.LEAVES, layout.METRICS} <= first.keys()
    for name in first:
        assert first[name] == second[name], name


CONDITIONAL = NetworkConfig(latent_size=5, gen_widths=(7,), disc_widths=(6,), conditional=True)
PLAIN = dataclasses.replace(CONDITIONAL, conditional=False)
DCGAN = NetworkConfig(name="dcgan", latent_size=5, gen_channels=4, disc_channels=4)


@pytest.fixture(scope="module")
def resident(data, tmp_path_factory):
    """Runs on data that stay on the device; each config is trained once."""
    known = {}

    def trained(config):
        if config not in known:
            known[config] = tmp_path_factory.mktemp("resident") / "run"
            train(config, known[config])
        return known[config]

    return trained


@pytest.mark.parametrize(
    ("block", "network", "settings"),
    [
        (5, PLAIN, {}),  # 12 steps: the last block is shorter
        (2, CONDITIONAL, {"d_steps": 2}),
        pytest.param(4, PLAIN, {"chunks_per_epoch": 3}, marks=pytest.mark.slow),
    ],
    ids=["uneven", "labels and two steps of D", "a chunk at once"],
)
def test_a_streamed_run_has_every_byte_of_a_resident_one(
    data, resident, tmp_path, block, network, settings
):
    config = dataclasses.replace(tiny.config(data, **settings), network=network)
    train(streamed(config, block), tmp_path / "run")
    assert_same_run(resident(config), tmp_path / "run")


@pytest.mark.slow
def test_a_convolutional_run_has_the_same_bytes_too(resident, tmp_path):
    data = tiny.write_data(tmp_path / "data", side=16)
    config = dataclasses.replace(tiny.config(data, epochs=1), network=DCGAN)
    train(streamed(config, 6), tmp_path / "run")
    assert_same_run(resident(config), tmp_path / "run")


def test_what_is_measured_while_it_trains_is_the_same(data, resident, tmp_path):
    measured = EvaluateConfig(every=1, num_samples=50, features=CLASSES)
    config = dataclasses.replace(tiny.config(data, epochs=1), evaluate=measured)
    train(streamed(config, 6), tmp_path / "run")
    assert "eval/copying/train/n50" in row_files.read_rows(tmp_path / "run")[-1]
    assert_same_run(resident(config), tmp_path / "run")


@pytest.mark.parametrize("blocks", [(0, 5), (5, 0)], ids=str)
def test_a_run_goes_on_with_another_block(data, resident, tmp_path, blocks):
    config = dataclasses.replace(tiny.config(data), network=PLAIN)
    for epochs, block in zip((1, 2), blocks, strict=True):
        part = dataclasses.replace(config.train, epochs=epochs)
        train(streamed(dataclasses.replace(config, train=part), block), tmp_path / "parts")
    assert_same_run(resident(config), tmp_path / "parts")


@pytest.mark.parametrize("start", range(0, 24, 4))
def test_any_chunk_can_be_the_first(data, start):
    config = streamed(tiny.config(data), 3)
    pixels = np.arange(100, dtype=np.uint8)[:, None]  # that say which example they are
    plan = StepPlan(epoch=12, interval=12, row=4, chunk=4, total=24)
    chunk = Chunk(start // 12 + 1, start, start + 4, start % 12 == 8)
    gan = types.SimpleNamespace(mesh=None)
    setup = TrainingSetup(config, None, plan, gan, pixels, None, None, {})
    on_device = setup._replace(config=tiny.config(data), pixels=jax.device_put(pixels))
    with open_input_pipeline(on_device, [0, 1]) as resident:
        whole = list(resident(chunk))
    with open_input_pipeline(setup, [0, 1]) as read_ahead:
        blocks = list(read_ahead(chunk))
    # Short calls come first, and one program does any number of steps.
    assert [block.steps for block in blocks] == [block.steps for block in whole] == [1, 1, 2]
    assert {block.order.shape[1] for block in blocks} == {3}
    assert {block.order.shape[1] for block in whole} == {4}
    for run in (0, 1):
        order = np.concatenate([block.order[run, : block.steps] for block in blocks])
        taken = np.concatenate([block.pixels.pixels[run, : block.steps] for block in blocks])
        expected = np.concatenate([block.order[run, : block.steps] for block in whole])
        np.testing.assert_array_equal(order, expected)
        np.testing.assert_array_equal(taken.reshape(order.shape), order)


def test_calls_get_longer_until_one_takes_a_second_whatever_a_chunk_begins_with(monkeypatch):
    plan = StepPlan(epoch=300, interval=300, row=100, chunk=100, total=300)
    gan, now = types.SimpleNamespace(mesh=None), [0.0]
    setup = TrainingSetup(Config(), None, plan, gan, None, None, None, {})
    monkeypatch.setattr(input_pipeline.time, "monotonic", lambda: now[0])
    lengths = input_pipeline._CallLengths(setup)
    found = []
    for start in (0, 100, 200):
        calls, before = [], 0
        for first, last in lengths.split(Chunk(1, start, start + 100, False)):
            now[0] += 0.1 * before  # the wait for the call before
            before = last - first
            calls.append(before)
        found.append(calls)
    assert found == [[1, 1, 2, 4, 8, 16, 16, 16, 16, 16, 4], *[[16] * 6 + [4]] * 2]


@pytest.mark.slow
def test_seeds_in_one_program_are_streamed_as_they_are_resident(data, tmp_path):
    config = dataclasses.replace(tiny.config(data, epochs=1, seeds_at_once=2), seeds=2)
    train_seeds(config, tmp_path / "resident")
    train_seeds(streamed(config, 6), tmp_path / "streamed")
    for seed in ("seed_0000", "seed_0001"):
        assert_same_run(tmp_path / "resident" / seed, tmp_path / "streamed" / seed)


@pytest.mark.slow
def test_points_are_streamed_too(resident, tmp_path):
    network = NetworkConfig(latent_size=2, gen_widths=(8,), disc_widths=(8,))
    config = dataclasses.replace(
        tiny.config(tmp_path, epochs=1, batch_size=10_000), data=DataConfig("ring"), network=network
    )
    train(streamed(config, 5), tmp_path / "run")
    assert_same_run(resident(config), tmp_path / "run")


@pytest.mark.slow
def test_a_step_of_a_streamed_run_is_replayed(data, resident, tmp_path):
    config = dataclasses.replace(tiny.config(data, d_steps=2), network=CONDITIONAL)
    train(streamed(config, 3), tmp_path / "run")
    found = []
    for workdir in (resident(config), tmp_path / "run"):
        assert replay_step(workdir, 11, tmp_path / "step.npz") == []
        with np.load(tmp_path / "step.npz") as arrays:
            found.append({name: arrays[name].tobytes() for name in arrays.files})
    assert found[0] == found[1]


def test_a_file_that_vanishes_while_it_trains_is_named(tmp_path, monkeypatch):
    random = np.random.RandomState(0)
    for i in range(16):
        image = PIL.Image.fromarray(random.randint(0, 256, (6, 6), np.uint8))
        image.save(tmp_path / f"{i:02}.png")
    config = tiny.config(tmp_path, epochs=50)
    config = streamed(
        dataclasses.replace(config, data=DataConfig("mine", "folder", str(tmp_path))), 1
    )
    real_feed = open_input_pipeline

    def feed_and_lose(*args):
        os.remove(tmp_path / "07.png")
        return real_feed(*args)

    monkeypatch.setattr("jaxgan.training.loop.open_input_pipeline", feed_and_lose)
    with pytest.raises(UserError, match=r"07\.png: is now not readable \(No such file"):
        train(config, tmp_path / "run")


def test_an_error_of_reading_ahead_reaches_the_run_as_it_is():
    def read(step):
        if step == 3:
            raise UserError("07.png: is damaged")
        return step

    steps = prefetch(read, range(9), 2)
    assert [next(steps) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(UserError, match=r"^07\.png: is damaged$"):
        next(steps)
