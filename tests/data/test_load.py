"""Choosing the source: the same data from each, and never other data."""

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jaxgan.data
from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import DATASETS, load_data

OFFICIAL = {
    "train-images": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
PACKAGED = Path(jaxgan.data.__file__).parent / "mnist"


def error_of(config, split="train"):
    with pytest.raises(UserError) as caught:
        load_data(config, split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_packaged_mnist_is_the_official_one():
    for stem, sha256 in OFFICIAL.items():
        (path,) = PACKAGED.glob(f"{stem}-idx?-ubyte.gz")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    assert "Yann LeCun and Corinna Cortes" in (PACKAGED / "LICENSE").read_text()


def test_mnist_needs_no_network_and_no_folder():
    data = load_data(DataConfig())
    assert data.source == "packaged mnist"
    assert data.pixels.shape == (60000, 28, 28, 1)
    assert data.pixels.flags.c_contiguous
    assert data.classes == 10
    assert data.sha256 == DATASETS["mnist"].sha256["train"]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # of the digits 0 to 9
    assert np.bincount(data.labels).tolist() == counts


def test_an_idx_folder_and_the_package_give_the_same_mnist():
    folder = load_data(DataConfig("mnist", "idx", str(PACKAGED)), "test")
    package = load_data(DataConfig("mnist", "packaged"), "test")
    np.testing.assert_array_equal(folder.pixels, package.pixels)
    np.testing.assert_array_equal(folder.labels, package.labels)
    assert folder.sha256 == package.sha256 == DATASETS["mnist"].sha256["test"]


def test_an_idx_folder_comes_before_the_package():
    data = load_data(DataConfig("mnist", "auto", str(PACKAGED)), "test")
    assert data.source == f"IDX folder {PACKAGED}"


def test_other_digits_are_not_taken_for_mnist(monkeypatch, idx_folder):
    spec = dataclasses.replace(DATASETS["mnist"], examples={"train": 40, "test": 12})
    monkeypatch.setitem(DATASETS, "mnist", spec)
    error = error_of(DataConfig("mnist", "auto", str(idx_folder)))
    assert f"IDX folder {idx_folder} holds other data" in error


def test_mnist_is_not_taken_for_fashion_mnist():
    error = error_of(DataConfig("fashion_mnist", "auto", str(PACKAGED)), "test")
    assert f"{PACKAGED} holds mnist test, not fashion_mnist test" in error


def test_a_folder_of_the_system_is_read_too(monkeypatch, idx_folder, tiny):
    spec = dataclasses.replace(DATASETS["fashion_mnist"], folders=(str(idx_folder),))
    monkeypatch.setitem(DATASETS, "fashion_mnist", spec)
    assert load_data(DataConfig("fashion_mnist")).source == f"IDX folder {idx_folder}"


def test_a_set_that_is_nowhere_gets_one_error_with_every_reason(tmp_path):
    error = error_of(DataConfig("kmnist", "auto", str(tmp_path)))
    assert f"idx: {tmp_path} holds no train-images-idx3-ubyte(.gz)" in error
    assert f"prepared: there is no folder {tmp_path / 'kmnist'}" in error
    assert "packaged: jaxgan ships only mnist" in error
    assert "download: no network: http://codh.rois.ac.jp/kmnist" in error
    assert "set config.data.dir to it" in error


def test_a_set_that_is_not_packaged_is_not_packaged():
    error = error_of(DataConfig("fashion_mnist", "packaged"))
    assert "packaged: jaxgan ships only mnist" in error
    assert "config.data.source=auto" in error


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("minst", "did you mean mnist?"),
        ("fashon_mnist", "did you mean fashion_mnist?"),
        ("emnist", "emnist/letters"),
        ("cifar11", "cifar10"),
        ("../mnist", "unknown data set"),
        ("qqqqqqqq", "unknown data set; known: mnist, fashion_mnist"),
    ],
)
def test_an_unknown_set_is_refused_with_a_guess(name, guess):
    error = error_of(DataConfig(name))
    assert f"config.data.name = {name!r}: unknown data set" in error
    assert guess in error


def test_a_set_that_only_tensorflow_prepares_says_how():
    error = error_of(DataConfig("cats_vs_dogs"))
    assert "run `tfds build cats_vs_dogs --file_format=array_record`" in error


def test_auto_takes_no_folder_for_a_set_it_does_not_know(idx_folder):
    assert "unknown data set" in error_of(DataConfig("minst", "auto", str(idx_folder)))


def test_an_unknown_split_lists_the_known_ones():
    assert error_of(DataConfig(), "validation") == "split 'validation': mnist has train, test"


def test_a_folder_that_may_not_be_read_is_an_error(monkeypatch, tmp_path):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.is_file", refuse)
    assert "Permission denied" in error_of(DataConfig("mnist", "idx", str(tmp_path)))


def test_loading_imports_neither_jax_nor_tfds(tmp_path):
    code = (
        "import sys; from jaxgan.config import DataConfig; from jaxgan.data import load_data;"
        "load_data(DataConfig(), 'test');"
        "assert not {'jax', 'tensorflow_datasets'} & set(sys.modules)"
    )
    environment = {"TFDS_DATA_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
