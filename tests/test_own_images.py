"""A run on a folder of class folders without a test split, from the command line to its scores."""

import json
import re
import shutil
import time

import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from jaxgan.cli.main import main
from jaxgan.cli.sample import sample
from jaxgan.config.errors import UserError
from jaxgan.config.files import from_mapping
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, DataConfig
from jaxgan.data import with_found_name
from jaxgan.evaluation.evaluate import evaluate
from jaxgan.gan import sampling
from jaxgan.gan.state import build_gan
from jaxgan.runs import program, row_files
from jaxgan.runs.checkpoints import load_run
from jaxgan.runs.class_labels import class_numbers
from jaxgan.runs.environment import read_environment
from jaxgan.runs.report import report
from jaxgan.runs.sample_inputs import SampleChoices
from jaxgan.types import to_images

FLAT = "tests.test_evaluate:flat_features"
COUNTS = {"cat": 114, "dog": 6}  # 95 : 5
N = 40
DISTANCE = f"frechet/train/n{N}/{FLAT}"
SETTINGS = {
    "train.epochs": 1,
    "train.batch_size": 8,
    "train.logs_per_epoch": 3,
    "network.latent_size": 5,
    "network.gen_widths": "(7,)",
    "network.disc_widths": "(6,)",
    "network.conditional": True,
    "evaluate.every": 1,
    "evaluate.num_samples": N,
    "evaluate.features": FLAT,
}


def pets(label, count, seed=0):
    """Images of a class: dark noise for cats (0), bright noise for dogs (1)."""
    noise = np.random.default_rng(seed).integers(0, 100, (count, 6, 6, 1))
    return (noise + 150 * np.reshape(label, (-1, 1, 1, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("own") / "pets"
    for label, (name, count) in enumerate(COUNTS.items()):
        (root / name).mkdir(parents=True)
        for i, image in enumerate(pets(label, count, seed=label)):
            PIL.Image.fromarray(image[..., 0]).save(root / name / f"{i}.png")
    return root


def train(folder, workdir, **more):
    settings = SETTINGS | {"data.dir": folder} | more
    flags = [f"--config.{name}={value}" for name, value in settings.items()]
    return main(["--config", "mnist", "--workdir", str(workdir), *flags])


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "pets"
    assert train(folder, workdir) == 0
    return workdir


def obey_labels(monkeypatch):
    """Replaces the generator by one that gives the images of the class that it is asked for."""

    def generate(gan, params, stats, z, labels):
        del gan, params, stats
        return to_images(jnp.asarray(pets(np.asarray(labels), len(z), seed=9)))

    monkeypatch.setattr(sampling, "generate", generate)


def test_a_folder_is_enough_and_the_record_says_what_it_is(run, folder):
    data = read_environment(run)["data"]
    assert data["name"] == json.loads((run / "config.json").read_text())["data"]["name"] == "pets"
    assert data["class_names"] == ["cat", "dog"]
    assert data["class_counts"] == list(COUNTS.values())
    assert data["processing"]["size"] == [6, 6]
    text = report(run)
    assert f"120 examples of 6x6x1 from image folder {folder}" in text
    assert "classes: cat 114, dog 6" in text


def test_the_same_command_resumes_also_where_the_record_is_older(run, folder, tmp_path, capsys):
    old = tmp_path / "pets"
    shutil.copytree(run, old)
    record = read_environment(old)
    for name in ("class_names", "class_counts", "processing"):
        del record["data"][name]
    (old / "environment.json").write_text(json.dumps(record))
    assert train(folder, old) == 0
    assert "was already trained for 1 epochs" in capsys.readouterr().out
    assert "changes" not in read_environment(old)


def test_other_pictures_are_refused_where_a_run_is_resumed(run, folder, tmp_path, capsys):
    other = tmp_path / "pets"
    shutil.copytree(folder, other)
    PIL.Image.new("L", (6, 6)).save(other / "cat" / "new.png")
    assert train(other, run) == 2
    assert "its run saw other data (SHA-256" in capsys.readouterr().err


def test_classes_are_asked_for_by_name_or_number(run, tmp_path):
    out = tmp_path / "s.npz"
    for labels, numbers in ((("dog", "cat"), [1, 0]), (("1",), [1, 1]), ((0,), [0, 0])):
        sample(run, "last", 2, 0, out, SampleChoices(labels))
        assert np.load(out)["labels"].tolist() == numbers
    assert main(["sample", "--workdir", str(run), "--labels", "cat, dog", "--out", str(out)]) == 0
    assert np.load(out)["labels"].tolist() == [0, 1] * 32
    assert main(["sample", "--workdir", str(run), "--labels", " ,", "--out", str(out)]) == 2
    message = "--labels: bird: must be one of cat, dog, or a number from 0 to 1"
    with pytest.raises(UserError, match=re.escape(message)):
        sample(run, "last", 1, 0, out, SampleChoices(("bird",)))


def test_an_accent_is_found_however_it_is_stored():
    gan, stored = conditional((1, 1)), "cafe\u0301"
    assert class_numbers(gan, ("caf\u00e9", stored, "1"), (stored, "tea")) == [0, 0, 1]


def test_a_number_beside_classes_that_are_called_by_numbers_is_a_name():
    gan = conditional((1, 1, 1))
    assert class_numbers(gan, ("1", "3", 0), ("1", "2", "3")) == [0, 2, 0]
    with pytest.raises(UserError, match=r"--labels: 0: must be one of 1, 2, 3$"):
        class_numbers(gan, ("0",), ("1", "2", "3"))


def test_without_held_out_images_scores_are_against_training_images_and_it_is_said(run, caplog):
    (row,) = [row for row in row_files.read_rows(run) if f"eval/{DISTANCE}" in row]
    assert {name.split("/")[1] for name in row if name.startswith("eval/")} == {"frechet"}
    assert (run / "best").exists()
    caplog.set_level("WARNING", "jaxgan")
    found = evaluate(run, N, features=FLAT, metrics=["frechet"])
    assert "so scores are against those of training alone" in caplog.text
    protocol = found["protocol"]
    assert protocol["real"] == {"train": "train images 1 to 40"}
    assert protocol["floor"] == {"train": "train images 41 to 80"}
    assert list(found["metrics"]["generator"]) == [DISTANCE]
    with pytest.raises(UserError, match="num_samples = 121: pets train has 120 images"):
        evaluate(run, 121, features=FLAT, metrics=["frechet"])


def test_rare_classes_are_as_rare_among_the_samples_that_are_scored(run, monkeypatch):
    obey_labels(monkeypatch)
    found = evaluate(run, N, features=FLAT, metrics=["frechet"])
    assert found["protocol"]["labels"] == "as in the training data"
    near = found["ratios"]["generator"][DISTANCE]
    # With both classes equally often, the same generator looks bad.
    equal = load_run(run)[1]
    labels = sampling.proportional_labels(equal, N)
    assert np.bincount(labels).tolist() == [38, 2]
    monkeypatch.setattr(sampling, "proportional_labels", sampling.cycled_labels)
    far = evaluate(run, N, features=FLAT, metrics=["frechet"])["ratios"]["generator"][DISTANCE]
    assert near < 5 < 10 * near < far


def conditional(class_counts):
    config = Config(network=NetworkConfig(latent_size=5, gen_widths=(7,), conditional=True))
    return build_gan(config, (2, 2, 1), len(class_counts), class_counts)


@pytest.mark.parametrize("count", [1, 7, 100, 1000])
def test_scored_labels_have_the_frequencies_of_the_data_rounded_up_or_down(count):
    counts = (600, 0, 300, 90, 10, 0)
    labels = np.asarray(sampling.proportional_labels(conditional(counts), count))
    shares = np.array(counts) / 1000 * count
    assert np.abs(np.bincount(labels, minlength=6) - shares).max() < 1
    assert len(labels) == count


def test_scored_labels_are_mixed():
    labels = np.asarray(sampling.proportional_labels(conditional((500, 500)), 1000))
    for part in labels.reshape(10, 100):
        assert 30 < part.sum() < 70


def test_a_class_without_images_is_never_asked_for():
    gan = conditional((0, 20, 0, 5))
    assert sampling.cycled_labels(gan, 5).tolist() == [1, 3, 1, 3, 1]
    assert set(sampling.proportional_labels(gan, 50).tolist()) == {1, 3}
    assert sampling.cycled_labels(build_gan(Config(), (2, 2, 1), 4, (0, 1, 1, 1)), 5) is None


def test_labels_of_unknown_frequencies_are_all_asked_for_equally_often():
    gan = conditional((1, 1, 1))
    unknown = build_gan(
        Config(network=NetworkConfig(latent_size=5, gen_widths=(7,), conditional=True)),
        (2, 2, 1),
        3,
    )
    for made in (sampling.cycled_labels, sampling.proportional_labels):
        assert made(unknown, 4).tolist() == [0, 1, 2, 0]
    assert sampling.cycled_labels(gan, 4).tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(("size", "nearest"), [(7, "16"), (30, "28 or 32"), (1000, "448")])
def test_a_size_that_the_network_cannot_make_is_refused_before_images_are_read(
    folder, monkeypatch, size, nearest
):
    monkeypatch.setattr(program, "load_data", None)
    config = {"data": {"dir": str(folder), "size": size}, "network": {"name": "dcgan"}}
    with pytest.raises(UserError) as caught:
        program.build_program(from_mapping(config))
    assert f"cannot make images of {size}x{size} pixels" in str(caught.value)
    assert f"set config.data.size to {nearest} for image files" in str(caught.value)
    assert "or config.network.name=mlp, which makes images of any size" in str(caught.value)


@pytest.mark.slow
def test_the_first_word_about_many_files_comes_before_any_is_read(tmp_path, caplog):
    for i in range(20_000):
        (tmp_path / f"{i}.png").touch()
    caplog.set_level("INFO", "jaxgan")
    start = time.process_time()
    with_found_name(DataConfig(dir=str(tmp_path)), announce=True)
    # The rest of the 2 s that it may take are for starting Python.
    assert time.process_time() - start < 1.5
    assert caplog.messages[0] == f"data: reading 20,000 image files of {tmp_path}"
