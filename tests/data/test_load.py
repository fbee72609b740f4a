"""Choosing the source: the same data from each, and never other data."""

import dataclasses
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import jaxgan.data
from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import DATASETS, load_data, load_test_split, splits_of

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
    error = error_of(DataConfig("kmnist"))
    assert "idx: config.data.dir is ''" in error
    assert f"prepared: there is no folder {tmp_path / 'tfds_default' / 'kmnist'}" in error
    assert "packaged: jaxgan ships only mnist" in error
    assert "download: no network: http://codh.rois.ac.jp/kmnist" in error
    assert "set config.data.dir to it" in error


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (None, "there is no such folder"),
        ((), "is empty; name a folder with images, IDX files or a prepared TFDS set"),
        (("a.mp4", "b/c.MP4", "n.txt"), "no prepared TFDS set, but .mp4 2, .txt 1"),
        (("a.zip", "b.txt"), "name a folder that has one of these, or the archive itself"),
        (
            ("a.TAR.GZ",),
            "but .tar.gz 1; name a folder that has one of these, or the archive itself",
        ),
        (("a.heic", "b.HEIC"), "or convert pictures of .heic to .png or .jpg"),
        (("features.json", "x-train.array_record-00000-of-00001"), "dataset_info.json is missing"),
        (("a/b/dataset_info.json", "a/b/x.array_record-0"), "deeper within; name its folder, "),
        (("movie.mpg", "page.eps"), "but .mpg 1, .eps 1"),  # PIL knows both, and decodes neither
    ],
    ids=[
        "no folder",
        "empty",
        "videos",
        "archive",
        "tar",
        "telephone",
        "half a set",
        "deep set",
        "no pictures",
    ],
)
@pytest.mark.parametrize("name", ["mnist", "mine"])
def test_a_folder_that_is_named_is_read_or_refused(tmp_path, files, words, name):
    for file in files or ():
        (tmp_path / "dir" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dir" / file).write_bytes(b"no image")
    if files == ():
        (tmp_path / "dir").mkdir()
    error = error_of(DataConfig(name, dir=str(tmp_path / "dir")))
    assert error.startswith(f"config.data.dir = {str(tmp_path / 'dir')!r}: ")
    assert words in error
    assert ("config.data.source=download to download mnist into it" in error) == (name == "mnist")


def test_pictures_of_a_telephone_are_told_also_where_a_folder_is_asked_for(tmp_path):
    (tmp_path / "a.heic").touch()
    error = error_of(DataConfig("mine", "folder", str(tmp_path)))
    assert "or convert pictures of .heic to .png or .jpg" in error


def test_an_archive_has_no_idx_files_though_it_exists(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train-images-idx3-ubyte", "")
    error = error_of(DataConfig("mine", "idx", str(tmp_path / "a.zip")))
    assert "a.zip is a file, not a folder, so it has no train-images-idx3-ubyte(.gz)" in error


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    error = error_of(DataConfig(dir=str(tmp_path / "a.png")))
    assert "a.png': is a file; must be a folder, or an archive (.zip, .tar" in error


def test_the_copy_of_the_system_is_not_read_in_place_of_a_folder(
    monkeypatch, tmp_path, idx_folder, tiny
):
    spec = dataclasses.replace(DATASETS["fashion_mnist"], folders=(str(idx_folder),))
    monkeypatch.setitem(DATASETS, "fashion_mnist", spec)
    (tmp_path / "empty").mkdir()
    for source in ("auto", "idx"):
        error = error_of(DataConfig("fashion_mnist", source, str(tmp_path / "empty")))
        assert str(idx_folder) not in error


def test_the_packaged_copy_is_not_read_in_place_of_a_folder(tmp_path):
    error = error_of(DataConfig("mnist", "packaged", str(tmp_path)))
    assert "is not read with config.data.source=packaged" in error


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("size", 32),
        ("size", (28, 27)),
        ("channels", 3),
        ("fit", "contain"),
        ("background", "black"),
    ],
)
def test_a_size_that_only_image_files_can_be_given_is_refused(setting, value):
    error = error_of(dataclasses.replace(DataConfig(), **{setting: value}), "test")
    assert f"config.data.{setting} = {value!r}: changes image files only" in error
    data = load_data(DataConfig(size=28, channels=1), "test")
    assert data.sha256 == DATASETS["mnist"].sha256["test"]


def test_stacked_mnist_is_not_made_of_other_images(tmp_path):
    PIL.Image.new("L", (28, 28)).save(tmp_path / "a.png")
    error = error_of(DataConfig("stacked_mnist", dir=str(tmp_path)))
    assert "stacked_mnist is made of MNIST, which is not there" in error


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
    assert error.endswith("for pictures of your own set config.data.dir to their folder")


def test_a_config_for_pictures_of_ones_own_asks_for_their_folder():
    error = error_of(DataConfig("images"))
    assert error.startswith("config.data.dir = '': this config is for pictures of your own;")


def test_known_sets_that_are_no_idx_files_are_asked_for_as_images():
    error = error_of(DataConfig("cifar10", source="prepared"))
    assert "Put its image files (train/CLASS/, test/CLASS/) into a folder" in error


def test_a_set_that_only_tensorflow_prepares_says_how():
    error = error_of(DataConfig("cats_vs_dogs"))
    assert "run `tfds build cats_vs_dogs --file_format=array_record`" in error


def test_auto_takes_the_idx_files_of_a_folder_for_a_set_of_ones_own(idx_folder, caplog):
    caplog.set_level("INFO", "jaxgan")
    data = load_data(DataConfig("mine", "auto", str(idx_folder)))
    assert (data.name, data.source) == ("mine", f"IDX folder {idx_folder}")
    line = f"data: 40 images of 28x28, grey, 10 classes, from IDX folder {idx_folder}"
    assert caplog.messages[-1] == line


def test_idx_files_of_training_alone_have_no_test_split(tmp_path, arrays, write_split):
    write_split(tmp_path, "train", *arrays["train"])
    config = DataConfig("mine", dir=str(tmp_path))
    assert splits_of(config) == ("train",)
    assert "has IDX files of train, but none of test" in error_of(config, "test")


def test_idx_files_of_the_test_split_alone_are_named(tmp_path, arrays, write_split):
    write_split(tmp_path, "test", *arrays["test"])
    error = error_of(DataConfig("mine", dir=str(tmp_path)))
    assert f"idx: {tmp_path} holds no train-images-idx3-ubyte(.gz)" in error


def test_classes_without_an_example_are_counted_as_such(tmp_path, arrays, write_split):
    images, _ = arrays["train"]
    write_split(tmp_path, "train", images, np.repeat([1, 3], 20))
    assert load_data(DataConfig("mine", dir=str(tmp_path))).class_counts == (0, 20, 0, 20)


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


def write_splits(root, **images):
    """Writes one image of each split; `images` has its colour and side."""
    for split, (mode, side) in images.items():
        (root / split).mkdir(parents=True)
        image = PIL.Image.new(mode, (side, side), "red" if mode == "RGB" else 7)
        image.save(root / split / "1.png")
    return DataConfig("mine", dir=str(root))


@pytest.mark.parametrize(("train", "test", "channels"), [("RGB", "L", 3), ("L", "RGB", 1)])
def test_test_images_are_grey_or_in_colour_as_those_of_training_are(
    tmp_path, train, test, channels
):
    config = write_splits(tmp_path, train=(train, 4), test=(test, 4))
    found = load_test_split(config, load_data(config))
    assert found.pixels.shape == (1, 4, 4, channels)


def test_test_images_of_another_size_than_those_of_training_are_refused(tmp_path):
    config = write_splits(tmp_path, train=("L", 4), test=("L", 8))
    with pytest.raises(UserError, match="holds images of 8x8x1, but those of training are 4x4x1"):
        load_test_split(config, load_data(config))
    sized = dataclasses.replace(config, size=6)
    assert load_test_split(sized, load_data(sized)).pixels.shape == (1, 6, 6, 1)
