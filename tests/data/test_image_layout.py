"""Splits and classes, as the folders of image files say, and what looks like neither."""

import gzip
import io
import os
import sys
import tarfile
import zipfile

import numpy as np
import PIL.Image
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import archives, image_reading, load_data
from jaxgan.data.image_layout import natural_order


def png(level):
    raw = io.BytesIO()
    PIL.Image.new("L", (3, 2), level).save(raw, "png")
    return raw.getvalue()


def write(root, *names):
    """Writes an image at each path; the pixels of the n-th one are n."""
    for level, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(level))
    return root


def load(root, split="train", **settings):
    return load_data(DataConfig("mine", dir=str(root), **settings), split)


def error_of(root, split="train"):
    with pytest.raises(UserError) as caught:
        load(root, split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def levels(data):
    """The level of each image, by the name of its class."""
    names = data.class_names or [""]
    return {
        name: sorted(data.pixels[data.labels == (label if data.classes else -1), 0, 0, 0].tolist())
        for label, name in enumerate(names)
    }


def test_folders_of_classes_give_labels_in_natural_order(tmp_path):
    write(tmp_path, *(f"{label}/a.png" for label in range(11)))
    data = load(tmp_path)
    assert data.class_names == tuple(map(str, range(11)))
    assert data.labels[data.pixels[:, 0, 0, 0].argsort()].tolist() == list(range(11))
    assert data.class_counts == (1,) * 11


def test_numbers_in_names_are_sorted_as_numbers():
    names = {"10", "2", "img12", "img3b", "img3a", "img", "02", "x"}
    assert natural_order(names) == ["02", "2", "10", "img", "img3a", "img3b", "img12", "x"]


def test_what_lies_deeper_in_a_class_belongs_to_it(tmp_path):
    write(tmp_path, "cat/1.png", "cat/more/2.png", "dog/3.png")
    assert levels(load(tmp_path)) == {"cat": [0, 1], "dog": [2]}


def test_one_folder_that_holds_everything_is_passed_through(tmp_path):
    write(tmp_path, "photos/all/cat/1.png", "photos/all/dog/2.png")
    data = load(tmp_path)
    assert levels(data) == {"cat": [0], "dog": [1]}
    assert data.source == f"image folder {tmp_path / 'photos' / 'all'}"
    write(tmp_path / "flat", "photos/1.png", "photos/2.png")
    assert levels(load(tmp_path / "flat")) == {"": [0, 1]}


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "test"), ("Train", "Test"), ("TRAINING", "val"), ("training", "Validation")],
)
def test_splits_are_recognised_in_any_case(tmp_path, train, test):
    write(tmp_path, f"{train}/a/1.png", f"{train}/b/2.png", f"{test}/b/3.png")
    assert levels(load(tmp_path)) == {"a": [0], "b": [1]}
    # A class has the number that it has in training, also where another class is missing.
    assert levels(load(tmp_path, "test")) == {"a": [], "b": [2]}


def test_images_for_validation_beside_test_images_are_not_used_and_it_is_said(tmp_path, caplog):
    write(tmp_path, "train/1.png", "val/2.png", "test/3.png")
    caplog.set_level("INFO", "jaxgan")
    assert levels(load(tmp_path)) == {"": [0]}
    assert levels(load(tmp_path, "test")) == {"": [2]}
    assert levels(load(tmp_path, "val")) == {"": [1]}
    assert "(folder 'val' not used)" in caplog.messages[0]


def test_a_class_called_train_is_refused_with_how_to_say_what_is_meant(tmp_path):
    write(tmp_path, "train/1.png", "apple/2.png", "bus/3.png")
    error = error_of(tmp_path)
    assert "the folder 'train' looks like a split, but beside it is the folder 'apple'" in error
    assert "if 'train' is a class, put all class folders into a folder 'train'" in error
    write(tmp_path / "meant", "train/train/1.png", "train/apple/2.png", "train/bus/3.png")
    data = load(tmp_path / "meant")
    assert levels(data) == {"apple": [1], "bus": [2], "train": [0]}


@pytest.mark.parametrize(
    ("names", "split", "words"),
    [
        (("1.png", "train/2.png"), "train", "beside it is the image '1.png'"),
        (("1.png", "cat/2.png"), "train", "1.png: is beside the folder 'cat'"),
        (("train/1.png", "train/cat/2.png"), "train", "1.png: is beside the folder 'cat'"),
        (("test/1.png",), "train", "has no folder 'train' beside 'test'"),
        (("train/1.png", "Training/2.png"), "train", "'Training' and 'train' are one split"),
        (("train/a/1.png", "test/b/2.png"), "test", "test: has the class 'b', but"),
        (("train/a/1.png", "test/2.png"), "test", "test: has no classes, but"),
        (("train/1.png", "test/a/2.png"), "test", "train has none; must be the same"),
        (("train/1.png",), "test", "has no folder 'test', so there are no test images"),
    ],
)
def test_a_folder_that_cannot_be_understood_is_refused_by_name(tmp_path, names, split, words):
    assert words in error_of(write(tmp_path, *names), split)


def test_a_class_folder_without_images_is_refused(tmp_path):
    write(tmp_path, "a/1.png")
    (tmp_path / "b").mkdir()
    error = error_of(tmp_path)
    assert (
        f"{tmp_path / 'b'}: holds no image file, but would be a class, as the folder 'a'" in error
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse the name")
def test_a_class_name_that_is_no_utf8_is_kept_as_text_that_is(tmp_path):
    write(tmp_path, os.fsdecode(b"caf\xe9/1.png"), "tea/2.png")
    assert load(tmp_path).class_names == ("caf\\udce9", "tea")


def test_hidden_files_and_those_of_macos_are_passed_over(tmp_path, caplog):
    write(tmp_path, "cat/1.png", "dog/2.png")
    for name in ("cat/._1.png", "__MACOSX/cat/._1.png", ".git/a.png", ".DS_Store"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"no image")
    caplog.set_level("INFO", "jaxgan")
    assert levels(load(tmp_path)) == {"cat": [0], "dog": [1]}
    assert "left out" not in caplog.text


def test_a_link_to_a_folder_above_does_not_go_on_for_ever(tmp_path):
    write(tmp_path, "cat/1.png", "dog/2.png")
    (tmp_path / "dog" / "again").symlink_to(tmp_path)
    (tmp_path / "cat" / "linked.png").symlink_to(tmp_path / "dog" / "2.png")
    assert levels(load(tmp_path)) == {"cat": [0, 1], "dog": [1]}


# Archives


def make_zip(path, names, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for level, name in enumerate(names):
            archive.writestr(name, png(level))
    return path


def make_tar(path, names):
    with tarfile.open(path, f"w:{path.suffix[1:].replace('tar', '')}") as archive:
        for level, name in enumerate(names):
            raw = png(level)
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return path


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("stream", [0, 1])
def test_an_archive_is_read_as_the_folder_in_it(tmp_path, kind, stream):
    names = ("pets/train/cat/1.png", "pets/train/dog/2.png", "pets/test/cat/3.png", "pets/a.txt")
    path = tmp_path / f"pets.{kind}"
    make = make_zip if kind == "zip" else make_tar
    make(path, (*names, "__MACOSX/pets/train/cat/._1.png"))
    folder = write(tmp_path / "folder", *names)
    for split in ("train", "test"):
        data = load_data(DataConfig(dir=str(path), stream=stream), split)
        assert data.name == "pets"
        assert data.class_names == ("cat", "dog")
        assert data.sha256 == load(folder, split).sha256
    assert data.source == f"image archive {path / 'pets' / 'test'}"


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/etc/out.png", "C:\\out.png"])
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_path_that_leads_out_of_an_archive_is_refused(tmp_path, name, make):
    if make is make_tar:
        name = name.replace("\\", "/")
    error = error_of(make(tmp_path / f"a.{make.__name__[-3:]}", ("ok.png", name)))
    assert "a path that leads out of the archive" in error


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "MAX_EXPANDED", 10_000)
    monkeypatch.setattr(archives, "MAX_EXPANSION", 2)
    path = tmp_path / f"bomb.{kind}"
    zeros = bytes(1_000_000)
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.png", zeros)
    else:
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo("a.png")
            member.size = len(zeros)
            archive.addfile(member, io.BytesIO(zeros))
    assert "times its size, as no archive of images does" in error_of(path)


def test_images_that_no_memory_holds_are_refused_before_it_is_taken(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", [f"{i}.png" for i in range(40)])
    monkeypatch.setattr(image_reading, "host_memory", lambda: 100.0)
    assert "GB in memory, and this machine has" in error_of(path)


def test_an_archive_whose_header_announces_a_name_of_gigabytes_is_not_read(tmp_path):
    header = tarfile.TarInfo("x")
    for header.type in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        header.size = 2**33
        path = tmp_path / "bomb.tar.gz"
        with gzip.open(path, "wb") as file:
            file.write(header.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
        assert "bomb.tar.gz: is no whole archive" in error_of(path)
        # Behind a first file, which is read before.
        with tarfile.open(path, "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("a.png"))
        raw = gzip.decompress(path.read_bytes())[:512]
        path.write_bytes(gzip.compress(raw + header.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)))
        assert f"announces a name of {2**33} bytes" in error_of(path)


def test_links_and_devices_in_an_archive_are_passed_over(tmp_path):
    path = make_tar(tmp_path / "a.tar", ("1.png", "2.png"))
    with tarfile.open(path, "a") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"{kind!r}.png".replace("\\", ""))
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert levels(load(path)) == {"": [0, 1]}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_damaged_archive_is_one_line(tmp_path, kind):
    make = make_zip if kind == "zip" else make_tar
    path = make(tmp_path / f"a.{kind}", [f"{i}.png" for i in range(40)])
    raw = bytearray(path.read_bytes())
    if kind == "zip":
        raw[40:200] = bytes(160)  # the first files; the list of names is at the end
        path.write_bytes(raw)
        assert "image files cannot be used: " in error_of(path)
        return
    path.write_bytes(raw[: len(raw) // 2])
    assert str(path) in error_of(path)


def test_an_archive_whose_end_is_missing_is_not_taken_for_another_kind_of_file(tmp_path):
    path = make_zip(tmp_path / "A.ZIP", ("1.png", "2.png"))
    path.write_bytes(path.read_bytes()[:-30])
    assert error_of(path).startswith(f"{path}: is no whole archive; download")


def test_an_archive_that_one_may_not_read_says_so(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", ("1.png",))
    # Who runs the tests may have the right to read every file.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert error_of(path) == f"{path}: you have no permission to read it; change its permissions"


def test_an_encrypted_archive_says_so(tmp_path):
    path = make_zip(tmp_path / "a.zip", ("1.png",))
    raw = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + flags] |= 1
    path.write_bytes(raw)
    assert "is encrypted; unpack it and name the folder" in error_of(path)


def test_an_archive_of_the_wrong_kind_of_files_is_refused(tmp_path):
    make_zip(tmp_path / "a.zip", ("1.mp4", "2.mp4"))
    assert "holds no image file, but .mp4 2" in error_of(tmp_path / "a.zip")
    assert isinstance(load(make_zip(tmp_path / "b.zip", ("1.png",))).pixels, np.ndarray)
