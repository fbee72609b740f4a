"""Exported generators: the same images in every format, and what is said where there are none."""

import dataclasses
import functools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.numpy
from flax import linen as nn
from jax import export

import jaxgan
from jaxgan.cli.main import main
from jaxgan.config.errors import UserError
from jaxgan.config.files import from_mapping, load_config, shipped_configs
from jaxgan.config.network import NetworkConfig
from jaxgan.export.export_run import FORMATS, WRITERS, export_run
from jaxgan.export.formats import record_path
from jaxgan.export.generator import TrainedGenerator, describe, load_trained
from jaxgan.export.jax_artefact import write_jax
from jaxgan.export.onnx_file import write_onnx
from jaxgan.export.safetensors_file import load_generator, write_safetensors
from jaxgan.gan.sampling import SAMPLE_BLOCK, generate_pixels, sample_latents
from jaxgan.gan.state import build_gan
from jaxgan.networks import NETWORKS
from jaxgan.networks.mixed_precision import Network
from jaxgan.runs import layout
from jaxgan.types import Stream, stream_key
from tests import tiny
from tests.shipped import FOR_A_GPU, data_of
from tests.test_networks import SIZES

CLASSES = 3
KEY = jax.random.key(0)


def generator_of(config, shape, classes):
    """One with random weights and statistics, none of them at the value where it does nothing."""
    gan = build_gan(config, shape, classes, images=1000)
    labels = jnp.zeros(1, jnp.int32) if gan.classes else None
    z = sample_latents(gan, 1, KEY)
    variables = jax.eval_shape(lambda: gan.gen.init(KEY, z, False, labels))
    random = np.random.RandomState(0)

    def draw(path, leaf):
        """Values of about the size that keeps that of the activations."""
        values = random.standard_normal(leaf.shape).astype(np.float32)
        if "batch_stats" in jax.tree_util.keystr(path) or len(leaf.shape) < 2:
            return jnp.asarray(abs(1 + 0.1 * values))
        return jnp.asarray(values / np.sqrt(np.prod(leaf.shape[:-1])))

    variables = jax.tree_util.tree_map_with_path(draw, variables)
    data = {"shape": list(shape), "classes": classes, "examples": 1000}
    record = describe(config, gan, data) | {"step": 0, "weights": "raw"}
    return TrainedGenerator(gan, variables.pop("params"), variables, record)


@functools.cache
def of_network(name, conditional, **settings):
    network = {"name": name, "latent_size": 6, "conditional": conditional, **SIZES[name]}
    config = from_mapping({"network": network | settings})
    return generator_of(config, (5, 4, 1) if name == "mlp" else (16, 16, 3), CLASSES)


def inputs_of(generator, count=SAMPLE_BLOCK):
    z = sample_latents(generator.gan, count, KEY)
    labels = jnp.arange(count, dtype=jnp.int32) % max(1, generator.gan.classes)
    return (z, labels) if generator.gan.classes else (z,)


def pixels_of(generator):
    return np.asarray(generate_pixels(*generator[:3], *inputs_of(generator)))


def run_onnx(path, *inputs):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    (found,) = session.run(None, dict(zip(names, map(np.asarray, inputs), strict=True)))
    return found


def run_jax(path, *inputs):
    return np.asarray(export.deserialize(path.read_bytes()).call(*inputs))


def levels_apart(first, second):
    assert first.dtype == second.dtype == np.uint8
    assert first.shape == second.shape
    return np.abs(first.astype(int) - second.astype(int)).max()


def each_network(test):
    """Every network, conditional or not; without labels, the convolutional ones are slow."""
    cases = []
    for name in sorted(NETWORKS):
        slow = [] if name == "mlp" else pytest.mark.slow
        cases += [pytest.param(name, False, marks=slow), pytest.param(name, True)]
    return pytest.mark.parametrize(("name", "conditional"), cases)(test)


@each_network
def test_a_program_of_jax_gives_the_bits_of_sample_and_takes_any_batch(name, conditional, tmp_path):
    generator = of_network(name, conditional)
    write_jax(generator, out := tmp_path / "a.jax")
    want = pixels_of(generator)
    assert 5 < want.std() < 120
    np.testing.assert_array_equal(run_jax(out, *inputs_of(generator)), want)
    assert levels_apart(run_jax(out, *inputs_of(generator, 3)), want[:3]) <= 1
    assert export.deserialize(out.read_bytes()).platforms == ("cpu", "cuda", "tpu")
    assert json.loads(record_path(out).read_text()) == generator.record


@each_network
def test_a_model_of_onnx_gives_the_images_to_one_grey_level(name, conditional, tmp_path):
    generator = of_network(name, conditional)
    write_onnx(generator, out := tmp_path / "a.onnx")
    want = pixels_of(generator)
    assert levels_apart(run_onnx(out, *inputs_of(generator)), want) <= 1
    assert levels_apart(run_onnx(out, *inputs_of(generator, 1)), want[:1]) <= 1


@each_network
def test_weights_in_safetensors_load_as_the_same_generator(name, conditional, tmp_path):
    generator = of_network(name, conditional)
    write_safetensors(generator, out := tmp_path / "a.safetensors")
    loaded = load_generator(out)
    # The same network is compiled to the same program, so the same variables give the same bits.
    assert loaded.gan.gen == generator.gan.gen
    jax.tree.map(np.testing.assert_array_equal, loaded[1:3], generator[1:3])
    assert loaded.record == generator.record
    assert repr(loaded) == f"TrainedGenerator({name}, step 0)"


def test_a_network_that_computes_activations_again_is_exported_too(tmp_path):
    generator = of_network("sngan", False, remat=True)
    write_jax(generator, jax_out := tmp_path / "a.jax")
    write_onnx(generator, onnx_out := tmp_path / "a.onnx")
    want, inputs = pixels_of(generator), inputs_of(generator)
    np.testing.assert_array_equal(run_jax(jax_out, *inputs), want)
    assert levels_apart(run_onnx(onnx_out, *inputs), want) <= 1


def test_points_are_exported_as_floats(tmp_path):
    config = from_mapping({"network": {"latent_size": 2, "gen_widths": (8,), "disc_widths": (8,)}})
    generator = generator_of(config, (2,), 0)
    write_jax(generator, jax_out := tmp_path / "a.jax")
    write_onnx(generator, onnx_out := tmp_path / "a.onnx")
    want, inputs = pixels_of(generator), inputs_of(generator)
    np.testing.assert_array_equal(run_jax(jax_out, *inputs), want)
    np.testing.assert_allclose(run_onnx(onnx_out, *inputs), want, rtol=1e-5, atol=1e-6)
    assert [output.name for output in onnx.load(onnx_out).graph.output] == ["points"]


def test_bfloat16_is_the_same_in_jax_and_float32_in_onnx(tmp_path, caplog):
    generator = of_network("dcgan", True, precision="bfloat16")
    write_jax(generator, jax_out := tmp_path / "a.jax")
    write_onnx(generator, onnx_out := tmp_path / "a.onnx")
    assert "bfloat16 is written as float32" in caplog.text
    want, inputs = pixels_of(generator), inputs_of(generator)
    np.testing.assert_array_equal(run_jax(jax_out, *inputs), want)
    assert levels_apart(run_onnx(onnx_out, *inputs), want) < 10


def of_config(name):
    config = load_config(Path(name), [])
    data = data_of(config)
    gan = build_gan(config, data.shape, data.classes, images=1000)
    return (gan.gen, data.shape), config, data


# A config for each of the generators that the shipped configs have.
PERCEPTRONS = ("fashion_mnist", "grid", "grid_gan", "stacked_mnist_gan")
CONVOLUTIONAL = (
    "cifar10_small",
    "dcgan",
    "dcgan_small",
    "fashion_best",
    "images_small",
    "mnist_best",
    "sngan",
    "sngan_small",
    "stacked_mnist",
    "stacked_mnist_small",
)


def test_the_generator_of_every_shipped_config_is_exported_below():
    exported = {of_config(name)[0] for name in PERCEPTRONS + CONVOLUTIONAL}
    shipped = set(shipped_configs()) - set(FOR_A_GPU)  # a small r3gan is exported above
    assert {of_config(name)[0] for name in shipped} == exported
    assert len(exported) == len(PERCEPTRONS + CONVOLUTIONAL)


@pytest.mark.parametrize(
    "name",
    [*PERCEPTRONS, *(pytest.param(name, marks=pytest.mark.slow) for name in CONVOLUTIONAL)],
)
def test_every_shipped_config_has_a_generator_that_can_be_exported(name, tmp_path):
    _, config, data = of_config(name)
    generator = generator_of(config, data.shape, data.classes)
    write_jax(generator, jax_out := tmp_path / "a.jax")
    write_onnx(generator, onnx_out := tmp_path / "a.onnx")
    write_safetensors(generator, out := tmp_path / "a.safetensors")
    jax.tree.map(np.testing.assert_array_equal, load_generator(out)[1:3], generator[1:3])
    want, inputs = pixels_of(generator), inputs_of(generator)
    np.testing.assert_array_equal(run_jax(jax_out, *inputs), want)
    found = run_onnx(onnx_out, *inputs)
    if found.dtype == np.uint8:
        assert levels_apart(found, want) <= 1
    else:
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def averaged(data, tmp_path_factory):
    """A run of conditional networks with batch norm and averaged weights."""
    from jaxgan.training.loop import train

    workdir = tmp_path_factory.mktemp("runs") / "averaged"
    folder = tiny.write_data(tmp_path_factory.mktemp("larger"), side=16)
    small = {"gen_channels": 2, "disc_channels": 2, "latent_size": 4}
    network = NetworkConfig(name="dcgan", conditional=True, **small)
    config = dataclasses.replace(tiny.config(folder, epochs=1), network=network, ema=tiny.EMA)
    train(config, workdir)
    return workdir


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_a_run_gives_the_images_of_sample(name, averaged, tmp_path, capsys):
    out, samples = tmp_path / f"a.{name}", tmp_path / "samples.npz"
    run = ["--workdir", str(averaged)]
    assert main(["export", *run, "--format", name, "--out", str(out)]) == 0
    assert "step 12" in capsys.readouterr().out
    assert main(["sample", *run, "--num", "64", "--seed", "5", "--out", str(samples)]) == 0
    with np.load(samples) as file:
        want = dict(file)
    key = stream_key(jax.random.key(5), Stream.SAMPLE, 0)
    z = np.asarray(jax.random.normal(key, (64, 4)))
    if name == "safetensors":
        found = generate_pixels(*load_generator(out)[:3], jnp.array(z), jnp.array(want["labels"]))
    else:
        found = {"jax": run_jax, "onnx": run_onnx}[name](out, z, want["labels"])
    if name == "onnx":
        assert levels_apart(found, want["images"]) <= 1
    else:
        np.testing.assert_array_equal(found, want["images"])


def test_each_file_says_where_its_generator_is_from(averaged, tmp_path):
    for name in FORMATS:
        export_run(averaged, name, tmp_path / f"a.{name}")
    beside = json.loads((tmp_path / "a.jax.json").read_text())
    model = onnx.load(tmp_path / "a.onnx")
    within = {entry.key: entry.value for entry in model.metadata_props}
    loaded = load_generator(tmp_path / "a.safetensors").record
    assert loaded == beside
    assert beside["jaxgan"] == model.producer_version == jaxgan.__version__
    assert (beside["step"], json.loads(within["step"])) == (12, 12)
    assert beside["weights"] == within["weights"] == "averaged"
    assert len(beside["config_sha256"]) == len(within["config_sha256"]) == 64
    assert beside["config"]["network"]["name"] == "dcgan"


def test_formats_and_writers_are_the_same():
    assert list(FORMATS) == list(WRITERS)


def export_error(capsys, *arguments):
    assert main(["export", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_cannot_be_exported_is_said_in_one_line(finished, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = ("--workdir", finished)
    assert "choose from" in export_error(capsys, *run, "--format", "tf")
    wrong = export_error(capsys, *run, "--format", "onnx", "--out", "a.jax")
    assert "--out a.jax: must end in .onnx" in wrong
    missing = export_error(capsys, *run, "--format", "jax", "--step", 7)
    assert "no checkpoint of step 7" in missing
    assert "holds no run" in export_error(capsys, "--workdir", tmp_path, "--format", "jax")
    for taken in ("generator.safetensors", "generator.jax.json"):
        Path(taken).write_text("mine")
        name = taken.split(".")[1]
        assert f"--out {taken}: exists already" in export_error(capsys, *run, "--format", name)
        assert Path(taken).read_text() == "mine"


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    name, finished, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, FORMATS[name].package, None)
    line = export_error(capsys, "--workdir", finished, "--format", name)
    assert f"--format {name}: needs the package {FORMATS[name].package}" in line
    assert "pip install 'jaxgan[export]'" in line
    assert not list(tmp_path.iterdir())


def test_a_run_without_an_intact_checkpoint_is_not_exported(finished, tmp_path, capsys):
    workdir = shutil.copytree(finished, tmp_path / "run")
    arguments = ("--workdir", workdir, "--format", "onnx", "--out", tmp_path / "a.onnx")
    for part in (workdir / layout.CHECKPOINTS).rglob("*"):
        if part.is_file():
            part.write_bytes(part.read_bytes()[:-1])
    assert main(["export", *map(str, arguments)]) == 2
    assert "every checkpoint is damaged" in capsys.readouterr().err
    shutil.rmtree(workdir / layout.CHECKPOINTS)
    assert "no checkpoint yet" in export_error(capsys, *arguments)
    assert not (tmp_path / "a.onnx").exists()


def with_changed_weight(path):
    arrays = safetensors.numpy.load(path.read_bytes())
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
    name = sorted(arrays)[0]
    return safetensors.numpy.save(arrays | {name: arrays[name] + 1}, metadata)


def test_a_file_that_is_no_generator_is_said_in_one_line(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(UserError, match="does not exist"):
        load_generator(path)
    write_safetensors(of_network("mlp", False), path)
    content = path.read_bytes()
    for damaged in (b"", content[:100], content[:-1]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"a\.safetensors: damaged"):
            load_generator(path)
    path.write_bytes(content)
    path.write_bytes(with_changed_weight(path))
    with pytest.raises(UserError, match="the SHA-256 of its weights differs"):
        load_generator(path)
    for changed, message in (
        ({"data": {"shape": [10**6, -1], "classes": 0, "examples": 9}}, "which none have"),
        ({"data": {"shape": [2], "classes": 0, "examples": 2**40}}, "which none have"),
        ({"data": []}, "has no record of a generator"),
        ({"mathematics": []}, "has no record of a generator"),
        ({"config": {"network": {"latent_size": 10**30}}}, "latent_size|no record"),
        ({"config": {}}, "its weights are not those of its config"),
    ):
        generator = of_network("mlp", False)
        write_safetensors(generator._replace(record=generator.record | changed), path)
        with pytest.raises(UserError, match=message):
            load_generator(path)
    # As PyTorch's files say, whose metadata is no JSON.
    for metadata in (None, {"format": "pt"}):
        path.write_bytes(safetensors.numpy.save({"a": np.zeros(1)}, metadata))
        with pytest.raises(UserError, match="is not from jaxgan"):
            load_generator(path)
    path.write_bytes(safetensors.numpy.save({"a": np.zeros(1)}, {"sha256": "[" * 100_000}))
    with pytest.raises(UserError, match="damaged metadata"):
        load_generator(path)


def test_a_file_does_not_make_the_reader_import_code_that_it_names(tmp_path):
    generator = of_network("mlp", False)
    config, path = generator.record["config"], tmp_path / "a.safetensors"
    own = {"network": {**config["network"], "name": "someones:own"}}
    write_safetensors(generator._replace(record=generator.record | {"config": config | own}), path)
    with pytest.raises(UserError, match=r"someones:own.*if you trust it"):
        load_generator(path)
    # A generator does not need the loss that it was trained with.
    own = {"loss": "someones_losses:own"}
    write_safetensors(generator._replace(record=generator.record | {"config": config | own}), path)
    assert load_generator(path).sample(1).pixels.shape == generator.sample(1).pixels.shape


class OfItsOwn(nn.Module):
    """A user's generator, which computes as it is told."""

    compute: Callable

    @nn.compact
    def __call__(self, z, train, labels=None):
        return self.compute(z)


def with_network(compute):
    generator = of_network("mlp", False)
    network = Network(OfItsOwn(compute), "float32", "highest")
    return generator._replace(gan=dataclasses.replace(generator.gan, gen=network), params={})


def test_a_network_that_needs_its_batch_size_is_told_to_take_it_from_the_shape(tmp_path):
    generator = with_network(lambda z: z.reshape(len(z), 1, 2, 3))
    for write in (write_jax, write_onnx):
        with pytest.raises(UserError, match=r"not by len\(x\)"):
            write(generator, tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_an_operation_without_a_translation_is_named(tmp_path):
    loop = with_network(lambda z: jax.lax.fori_loop(0, 2, lambda i, x: x + 1, z))
    with pytest.raises(UserError, match="has a loop, which cannot be written as ONNX"):
        write_onnx(loop, tmp_path / "a")
    ordered = with_network(lambda z: jnp.sort(z))
    with pytest.raises(UserError, match=r"has the operation 'sort'.*use --format jax"):
        write_onnx(ordered, tmp_path / "a")
    write_jax(ordered, tmp_path / "a.jax")
    # The translation of "and" is ONNX's logical one.
    bits = with_network(lambda z: ((z > 0).astype(jnp.int32) & 3).astype(jnp.float32))
    with pytest.raises(UserError, match=r"ONNX's checker refuses .*int32.*use --format jax"):
        write_onnx(bits, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()


GUIDE = (Path(__file__).parent.parent / "docs" / "guide" / "export.md").read_text()
EXAMPLES = dict(
    re.findall(r"^## (\w+)\n.*?```python\n(.*?)```", GUIDE, flags=re.DOTALL | re.MULTILINE)
)


def test_the_guide_has_an_example_of_at_most_ten_lines_for_each_format():
    assert list(EXAMPLES) == list(FORMATS)
    for example in EXAMPLES.values():
        assert len([line for line in example.splitlines() if line]) <= 10


@pytest.mark.parametrize("name", FORMATS)
def test_the_examples_of_the_guide_give_images_in_a_folder_with_the_file(
    name, averaged, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(["export", "--workdir", str(averaged), "--format", name]) == 0
    names = {}
    exec(compile(EXAMPLES[name], "export.md", "exec"), names)
    images = np.asarray(names["images"])
    assert images.shape == (64, 16, 16, 1)
    assert images.dtype == np.uint8


@pytest.mark.slow
def test_the_example_of_onnx_runs_where_only_its_two_packages_are_installed(
    averaged, tmp_path, monkeypatch
):
    """Installs them from the index that installed the packages of the tests."""
    monkeypatch.chdir(tmp_path)
    assert main(["export", "--workdir", str(averaged), "--format", "onnx"]) == 0
    (packages,) = re.findall(r"`pip install (onnxruntime[^`]*)`", GUIDE)
    subprocess.run([sys.executable, "-m", "venv", "fresh"], check=True)
    python = Path("fresh") / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *packages.split()], check=True)
    Path("example.py").write_text(f"{EXAMPLES['onnx']}\nnp.save('images.npy', images)\n")
    subprocess.run([python, "-I", "example.py"], check=True)
    z = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    labels = np.arange(64, dtype=np.int32) % 10
    want = generate_pixels(*load_trained(averaged)[:3], jnp.asarray(z), jnp.asarray(labels))
    assert levels_apart(np.load("images.npy"), np.asarray(want)) <= 1
