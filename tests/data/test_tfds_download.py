"""Downloading and preparing without TensorFlow."""

import gzip
import io
import tarfile
import time
import zipfile

import numpy as np
import pytest
import requests
import scipy.io
from etils import epath
from tensorflow_datasets.core.download import downloader
from tensorflow_datasets.core.download.download_manager import DownloadManager

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import datasets, load_data, probe, tfds_download, tfds_originals

PREFIXES = {"cifar-10": "cifar-10-batches-bin", "cifar-100": "cifar-100-binary"}
NAMES = {  # the number of names in each file of them
    "cifar-10": {"batches.meta.txt": 10},
    "cifar-100": {"coarse_label_names.txt": 20, "fine_label_names.txt": 100},
}
pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture
def online(monkeypatch):
    """Something answers at the addresses of the sets."""
    monkeypatch.setattr(requests, "head", lambda *args, **kwargs: requests.Response())


def serve(monkeypatch, files):
    """Downloads find the paths in `files`, by the end of the address."""

    def download(self, urls):
        if isinstance(urls, str):
            return epath.Path(files[urls.rpartition("/")[2]])
        return {key: epath.Path(files[url.rpartition("/")[2]]) for key, url in urls.items()}

    monkeypatch.setattr(DownloadManager, "download", download)


def error_of(config):
    with pytest.raises(UserError) as caught:
        load_data(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_download_is_prepared_and_is_the_same_data(monkeypatch, tmp_path, idx_folder, online):
    serve(monkeypatch, {path.name: path for path in idx_folder.iterdir()})
    folder = str(tmp_path / "tfds")
    first = load_data(DataConfig("kmnist", "download", folder))
    again = load_data(DataConfig("kmnist", "auto", folder))
    assert first.source.startswith("TFDS download")
    assert again.source.startswith("prepared TFDS folder")
    idx = load_data(DataConfig("kmnist", "idx", str(idx_folder)))
    assert first.sha256 == again.sha256 == idx.sha256


def test_emnist_comes_out_of_its_zip_as_its_authors_stored_it(
    monkeypatch, tmp_path, arrays, idx_bytes, online
):
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as archive:
        for split, (images, labels) in arrays.items():
            for what, array in (("images-idx3", images), ("labels-idx1", labels)):
                name = f"gzip/emnist-balanced-{split}-{what}-ubyte.gz"
                archive.writestr(name, gzip.compress(idx_bytes(array), mtime=0))
    serve(monkeypatch, {"gzip.zip": tmp_path / "gzip.zip"})
    tfds_download.prepare("emnist/balanced", tmp_path)
    # As a set of its own name, so that the number of examples is not checked.
    monkeypatch.delitem(datasets.DATASETS, "emnist/balanced")
    data = load_data(DataConfig("emnist/balanced", "prepared", str(tmp_path)), "test")
    images, labels = arrays["test"]
    expected = sorted((image.tobytes(), label) for image, label in zip(images, labels, strict=True))
    examples = zip(data.pixels, data.labels, strict=True)
    assert sorted((image.tobytes(), label) for image, label in examples) == expected
    assert data.classes == 47


def test_of_emnist_letters_only_the_examples_that_tfds_takes_are_read(
    monkeypatch, tmp_path, idx_bytes
):
    builder = tfds_download.tfds_builder("emnist/letters")(config="letters", data_dir="unused")
    images = np.zeros((14_803, 1, 1))
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as archive:
        for what, array in (("images-idx3", images), ("labels-idx1", images[:, 0, 0])):
            name = f"gzip/emnist-letters-test-{what}-ubyte.gz"
            archive.writestr(name, gzip.compress(idx_bytes(array), mtime=0))
    serve(monkeypatch, {"gzip.zip": tmp_path / "gzip.zip"})
    manager = DownloadManager(download_dir=tmp_path)
    read = tfds_originals.read_emnist_zip(builder, manager)
    assert [len(column) for column in read("test")] == [14_800, 14_800]


def colour_images(count):
    return np.random.default_rng(count).integers(0, 256, (count, 32, 32, 3), np.uint8)


def cifar_tar(path, name, label_keys):
    """Writes an archive as CIFAR's authors do; returns the images and labels of each split."""
    files, split_of = {}, {}
    names = {"cifar-10": [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]}
    for number, file in enumerate(names.get(name, ["train.bin", "test.bin"])):
        images = colour_images(3 + number)
        labels = np.arange(len(images) * label_keys, dtype=np.uint8).reshape(len(images), -1) % 10
        planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        files[file] = np.concatenate([labels, planes], axis=1).tobytes()
        part = split_of.setdefault("test" if "test" in file else "train", [])
        part.extend(zip(images, labels[:, -1], strict=True))
    for file, count in NAMES[name].items():
        files[file] = "".join(f"class_{i}\n" for i in range(count)).encode()
    with tarfile.open(path, "w:gz") as archive:
        for file, content in files.items():
            member = tarfile.TarInfo(f"{PREFIXES[name]}/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return split_of


def check_prepared(monkeypatch, folder, name, classes, splits):
    # As a set of its own name, so that the number of examples is not checked.
    monkeypatch.delitem(datasets.DATASETS, name)
    for split, examples in splits.items():
        data = load_data(DataConfig(name, "prepared", str(folder)), split)
        found = zip(data.pixels, data.labels, strict=True)
        expected = sorted((image.tobytes(), label) for image, label in examples)
        assert sorted((image.tobytes(), label) for image, label in found) == expected
        assert data.classes == classes


@pytest.mark.parametrize(("name", "keys", "classes"), [("cifar-10", 1, 10), ("cifar-100", 2, 100)])
def test_cifar_is_prepared_from_its_authors_archive(monkeypatch, tmp_path, name, keys, classes):
    archive = tmp_path / f"{name}-binary.tar.gz"
    splits = cifar_tar(archive, name, keys)
    serve(monkeypatch, {archive.name: archive})
    dataset = name.replace("-", "")
    tfds_download.prepare(dataset, tmp_path / "tfds")
    (labels,) = (tmp_path / "tfds").rglob("label.labels.txt")
    assert labels.read_text().split()[:2] == ["class_0", "class_1"]
    check_prepared(monkeypatch, tmp_path / "tfds", dataset, classes, splits)


def test_svhn_is_prepared_from_its_authors_files(monkeypatch, tmp_path):
    splits, files = {}, {}
    for split, count in (("train", 12), ("test", 5)):
        images, digits = colour_images(count), np.arange(count) % 10
        path = files[f"{split}_32x32.mat"] = tmp_path / f"{split}.mat"
        stored = {"X": np.moveaxis(images, 0, -1), "y": np.where(digits, digits, 10)[:, None]}
        scipy.io.savemat(path, stored)
        splits[split] = list(zip(images, digits, strict=True))
    serve(monkeypatch, files)
    tfds_download.prepare("svhn_cropped", tmp_path / "tfds")
    check_prepared(monkeypatch, tmp_path / "tfds", "svhn_cropped", 10, splits)


def test_without_network_nothing_is_written(tmp_path):
    error = error_of(DataConfig("kmnist", "download", str(tmp_path / "new")))
    assert "no network: http://codh.rois.ac.jp/kmnist/dataset/kmnist/" in error
    assert not (tmp_path / "new").exists()


def test_a_network_that_swallows_everything_is_given_up_in_time(monkeypatch, tmp_path):
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(requests, "head", lambda *args, **kwargs: time.sleep(3))
    assert probe.PROBE_SECONDS < 10
    start = time.monotonic()
    assert "no answer in 0.2 s" in error_of(DataConfig("kmnist", "download", str(tmp_path)))
    assert time.monotonic() - start < 2


def test_a_connection_that_breaks_leaves_no_set_behind(tmp_path, online):
    error = error_of(DataConfig("kmnist", "download", str(tmp_path)))
    assert "TFDS could not download or prepare it (ConnectionError: no network in tests" in error
    assert not list(tmp_path.rglob("3.0.1*"))


def test_damage_during_preparation_leaves_no_set_behind(monkeypatch, tmp_path, idx_folder, online):
    (idx_folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"<html>")
    serve(monkeypatch, {path.name: path for path in idx_folder.iterdir()})
    error = error_of(DataConfig("kmnist", "download", str(tmp_path / "tfds")))
    assert "t10k-labels-idx1-ubyte.gz: begins with 3c 68" in error
    assert not list(tmp_path.rglob("*3.0.1*"))


def test_other_bytes_than_tfds_registered_are_refused(monkeypatch, tmp_path, online):
    def respond(self, method, url, **kwargs):
        response = requests.Response()
        response.status_code, response.url = 200, url
        response.raw = io.BytesIO(b"something else")
        return response

    monkeypatch.setattr(requests.Session, "request", respond)
    error = error_of(DataConfig("kmnist", "download", str(tmp_path)))
    assert "NonMatchingChecksumError" in error
    assert not list(tmp_path.rglob("*3.0.1*"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path, online):
    (tmp_path / "file").write_text("")
    error = error_of(DataConfig("kmnist", "download", str(tmp_path / "file" / "tfds")))
    assert f"{tmp_path / 'file' / 'tfds'}: kmnist cannot be prepared there" in error
    assert "config.data.dir" in error


def test_downloads_have_time_limits_and_tfds_is_left_as_it_was(monkeypatch):
    seen = {}

    def opened(url, **kwargs):
        seen.update(kwargs, retries=downloader.MAX_RETRIES)

    monkeypatch.setattr(downloader, "_open_url", opened)
    before = downloader.MAX_RETRIES
    with tfds_download._short_timeouts():
        downloader._open_url("x", verify=True)
    limits = (tfds_download.CONNECT_SECONDS, tfds_download.SILENCE_SECONDS)
    assert seen == {"verify": True, "timeout": limits, "retries": tfds_download.RETRIES}
    assert (downloader.MAX_RETRIES, downloader._open_url) == (before, opened)


def test_preparing_is_quiet(monkeypatch, tmp_path, arrays, capfd):
    tfds_download.prepare("kmnist", tmp_path, arrays.__getitem__)
    load_data(DataConfig("kmnist", "prepared", str(tmp_path)))
    written = capfd.readouterr()
    assert written.out == ""
    assert [line for line in written.err.splitlines() if not line.startswith("data: ")] == []
