"""IDX files and folders."""

import gzip

import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import load_data
from jaxgan.data.idx_files import parse_idx, read_idx

pytestmark = pytest.mark.usefixtures("tiny")
GOOD = b"\0\0\x08\3\0\0\0\2\0\0\0\3\0\0\0\4" + bytes(range(24))  # 2 x 3 x 4
ZIPPED = gzip.compress(GOOD, mtime=0)  # the bytes name the tests: no clock in them


def load(folder, name="mnist", split="train"):
    return load_data(DataConfig(name, "idx", str(folder)), split)


def error_of(folder, **kwargs):
    with pytest.raises(UserError) as caught:
        load(folder, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_array_survives_the_format_plain_or_gzipped():
    for raw in (GOOD, ZIPPED):
        np.testing.assert_array_equal(parse_idx(raw, "x"), np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_all_spellings_of_the_names_give_the_same_data(
    tmp_path, idx_folder, arrays, dot, suffix, write_split
):
    folder = write_split(tmp_path / "other", "train", *arrays["train"], suffix, dot)
    assert load(folder).sha256 == load(idx_folder).sha256


def test_the_test_split_is_read_from_t10k_files(idx_folder, arrays):
    data = load(idx_folder, split="test")
    assert data.pixels.shape == (12, 28, 28, 1)
    assert sorted(data.labels) == sorted(arrays["test"][1])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (ZIPPED[:-12], "broken gzip data"),
        (ZIPPED[:20] + b"xxxx" + ZIPPED[24:], "broken gzip data"),
        (GOOD[:-1], "23 bytes of data where its IDX header says 24"),
        (GOOD + b"x", "25 bytes of data"),
        (GOOD[:9], "ends within its IDX header"),
        (b"\0\0\x0d\x03" + GOOD[4:], "begins with 00 00 0d 03"),
        (b"<html>", "begins with 3c 68 74 6d"),
        (b"", "begins with nothing"),
        (b"\0\0\x08\0", "not an IDX file"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(idx_folder, raw, words):
    path = idx_folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(raw)
    error = error_of(idx_folder)
    assert str(path) in error
    assert words in error
    assert "download or install it again" in error


def test_a_damaged_file_is_not_passed_over(idx_folder):
    (idx_folder / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte\.gz: begins with nothing"):
        load_data(DataConfig("mnist", "auto", str(idx_folder)))


@pytest.mark.parametrize("missing", ["images-idx3", "labels-idx1"])
def test_half_a_pair_of_files_is_an_error(idx_folder, missing):
    (idx_folder / f"train-{missing}-ubyte.gz").unlink()
    assert f"train-{missing}-ubyte.gz: is missing" in error_of(idx_folder)


def test_another_number_of_labels_is_an_error(tmp_path, arrays, write_split):
    images, labels = arrays["train"]
    folder = write_split(tmp_path / "bad", "train", images, labels[1:])
    assert "labels of shape (39,) for the 40 images" in error_of(folder)


def test_labels_out_of_range_are_an_error(tmp_path, arrays, write_split):
    images, labels = arrays["train"]
    folder = write_split(tmp_path / "bad", "train", images, labels + 3)
    assert "labels from " in error_of(folder)


def test_images_of_another_shape_are_an_error(tmp_path, arrays, write_split):
    images, labels = arrays["train"]
    folder = write_split(tmp_path / "bad", "train", images[:, :14], labels)
    assert "images of shape (14, 28, 1), but mnist has (28, 28, 1)" in error_of(folder)


def test_a_file_that_holds_no_images_is_an_error(tmp_path, arrays, write_split):
    labels = arrays["train"][1]
    folder = write_split(tmp_path / "bad", "train", labels, labels)
    assert "holds an array of shape (40,); must be (n, height, width)" in error_of(folder)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    assert f"{tmp_path / 'none'} does not exist" in error_of(tmp_path / "none")


def test_no_folder_named_is_an_error_that_names_the_setting():
    assert "config.data.dir is ''" in error_of("")


def test_a_file_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "train-images-idx3-ubyte"

    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        read_idx(path)


def test_an_unknown_name_is_the_users_own_set(tmp_path, arrays, write_split):
    images, labels = arrays["train"]
    folder = write_split(tmp_path / "own", "train", images[:, :20, :16], labels)
    data = load(folder, name="my digits")
    assert data.pixels.shape == (40, 20, 16, 1)
    assert data.classes == labels.max() + 1


def test_a_set_of_ones_own_may_have_no_labels(tmp_path, arrays, write_split):
    folder = write_split(tmp_path / "own", "train", arrays["train"][0], None)
    data = load(folder, name="own")
    assert data.classes == 0
    np.testing.assert_array_equal(data.labels, np.full(40, -1))


def test_a_set_of_ones_own_may_have_colours(tmp_path, idx_bytes):
    (tmp_path / "train-images-idx4-ubyte").write_bytes(idx_bytes(np.zeros((3, 4, 5, 3))))
    assert load(tmp_path, name="own").pixels.shape == (3, 4, 5, 3)
