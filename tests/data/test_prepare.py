"""Images that are prepared once: the same data as the files, after every interruption."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds

from jaxgan.cli.arguments import in_flags
from jaxgan.cli.main import main
from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import (
    decoded_blocks,
    image_files,
    load_data,
    load_test_split,
    prepare,
    splits_of,
    tfds_download,
)
from jaxgan.data.prepare import prepare_images

COUNT = 7  # images of each class
WRITE_BLOCK = decoded_blocks._write_block


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A block holds 3 images, and they are decoded in this process."""
    monkeypatch.setattr(decoded_blocks, "BLOCK_FILES", 3)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)


def write(folder, seed, grey=False):
    folder.mkdir(parents=True)
    noise = np.random.default_rng(seed).integers(0, 256, (COUNT, 6, 8, 3), np.uint8)
    for i, image in enumerate(noise):
        # Every third is grey.
        pixels = image[..., 0] if grey or i % 3 == 0 else image
        PIL.Image.fromarray(pixels).save(folder / f"{i}.png")


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures") / "my photos 猫"
    write(root, seed=0)
    return root


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """Two classes whose names are numbers, and all test images grey."""
    root = tmp_path_factory.mktemp("pictures") / "digits"
    for i, (split, name) in enumerate((s, c) for s in ("train", "test") for c in ("0", "1")):
        write(root / split / name, seed=i, grey=split == "test")
    return root


def error_of(call, *args):
    with pytest.raises(UserError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_same_data(config, out, **settings):
    """The folder and the set that was prepared of it give the same, whole and streamed."""
    prepared = DataConfig(dir=str(out), **settings)
    assert splits_of(prepared) == splits_of(config)
    train = load_data(prepared)
    for split in splits_of(config):
        theirs = (
            load_data(config) if split == "train" else load_test_split(config, load_data(config))
        )
        for data in (
            train if split == "train" else load_test_split(prepared, train),
            load_data(DataConfig(dir=str(out), stream=1, **settings), split),
        ):
            assert data.source.startswith("prepared TFDS folder")
            assert (data.name, data.sha256) == (theirs.name, theirs.sha256)
            np.testing.assert_array_equal(data.pixels[:], theirs.pixels)
            np.testing.assert_array_equal(data.labels, theirs.labels)
            assert data.class_names == theirs.class_names
            assert data.processing == theirs.processing


@pytest.mark.parametrize(
    ("pictures", "settings"),
    [
        ("splits", {}),
        ("splits", {"size": 4, "channels": 1}),
        ("flat", {"size": (5, 5), "fit": "contain", "background": "#ff8000"}),
        ("flat", {"held_out": 0.4, "name": "a name of one's own"}),
    ],
)
def test_a_prepared_set_gives_the_pixels_order_and_hash_of_its_files(
    tmp_path, request, pictures, settings
):
    config = DataConfig(dir=str(request.getfixturevalue(pictures)), **settings)
    prepare_images(config, tmp_path / "out")
    name = {"name": config.name}
    assert [path.name for path in (tmp_path / "out").iterdir()] == [
        "digits" if pictures == "splits" else "my_photos_猫"
    ]
    assert_same_data(config, tmp_path / "out", **name)


def test_images_can_be_held_out_of_a_prepared_set_later(tmp_path, flat):
    prepare_images(DataConfig(dir=str(flat)), tmp_path / "out")
    assert_same_data(DataConfig(dir=str(flat), held_out=0.4), tmp_path / "out", held_out=0.4)


def test_a_fraction_that_holds_nothing_out_is_refused(tmp_path, flat):
    config = DataConfig(dir=str(flat), held_out=1e-9)
    error = error_of(prepare_images, config, tmp_path / "out")
    assert f"held_out = 1e-09: leaves no test images of the 7 in {flat}; choose another" in error


def test_an_archive_is_prepared_as_the_folder_in_it(tmp_path, splits):
    archive = shutil.make_archive(tmp_path / "digits", "zip", splits)
    prepare_images(DataConfig(dir=archive), tmp_path / "out")
    assert_same_data(DataConfig(dir=str(splits)), tmp_path / "out")


def test_tfds_opens_the_set_and_sees_its_classes_and_pixels(tmp_path, splits):
    folder = prepare_images(DataConfig(dir=str(splits)), tmp_path / "out")
    builder = tfds.builder_from_directory(folder)
    assert builder.info.features["label"].names == ["0", "1"]
    assert builder.info.features["image"].shape == (6, 8, 3)
    for split in ("train", "test"):
        examples = list(builder.as_data_source(split))
        images = np.stack([example["image"] for example in examples])
        pixels = load_test_split(
            DataConfig(dir=str(splits)), load_data(DataConfig(dir=str(splits)))
        )
        if split == "train":
            pixels = load_data(DataConfig(dir=str(splits)))
        assert sorted(map(bytes, images)) == sorted(map(bytes, pixels.pixels))


def test_several_processes_decode_what_one_decodes(tmp_path, monkeypatch, splits):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(decoded_blocks, "BLOCK_FILES", COUNT)
    prepare_images(DataConfig(dir=str(splits)), tmp_path / "out")
    assert_same_data(DataConfig(dir=str(splits)), tmp_path / "out")


def interrupt(monkeypatch, calls, after):
    """Counts the blocks that are decoded in `calls`, and ends the command after some."""

    def write_block(files, block, rules):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(block.names)
        WRITE_BLOCK(files, block, rules)

    monkeypatch.setattr(decoded_blocks, "_write_block", write_block)


def test_an_interrupted_command_goes_on_with_what_is_decoded(tmp_path, monkeypatch, caplog, splits):
    out, config, calls = tmp_path / "out", DataConfig(dir=str(splits)), []
    interrupt(monkeypatch, calls, after=4)
    with pytest.raises(KeyboardInterrupt):
        prepare_images(config, out)
    # A set that is not there yet is not taken for one.
    error = error_of(load_data, DataConfig(dir=str(out)))
    assert "holds a set that is not prepared to its end; repeat the command" in error
    first = calls.copy()
    calls.clear()
    interrupt(monkeypatch, calls, after=100)
    caplog.set_level("INFO", "jaxgan")
    prepare_images(config, out)
    assert len(first) == 4
    assert len(calls) == 6  # each split has 14 files, in 5 blocks
    assert not [names for names in calls if names in first]
    assert "12 of 28 images were decoded before" in caplog.text
    assert_same_data(config, out)


def test_a_file_that_changed_meanwhile_is_decoded_again(tmp_path, monkeypatch, flat):
    pictures, calls = shutil.copytree(flat, tmp_path / "pictures"), []
    interrupt(monkeypatch, calls, after=2)
    with pytest.raises(KeyboardInterrupt):
        prepare_images(DataConfig(dir=str(pictures)), tmp_path / "out")
    PIL.Image.new("RGB", (8, 6), "#112233").save(pictures / "0.png")
    interrupt(monkeypatch, calls, after=100)
    prepare_images(DataConfig(dir=str(pictures)), tmp_path / "out")
    assert_same_data(DataConfig(dir=str(pictures)), tmp_path / "out")


def test_a_set_that_is_written_but_not_in_its_place_is_none(tmp_path, monkeypatch, flat):
    out, config = tmp_path / "out", DataConfig(dir=str(flat))
    rename = Path.replace

    def fail(path, target):
        if path.parent.name == "set":
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        with pytest.raises(KeyboardInterrupt):
            prepare_images(config, out)
    assert list(out.rglob("dataset_info.json"))
    error = error_of(load_data, DataConfig(dir=str(out)))
    assert "holds a set that is not prepared to its end" in error
    prepare_images(config, out)
    assert_same_data(config, out)


def test_the_same_command_again_finds_its_set_and_another_one_is_refused(tmp_path, flat):
    out, config = tmp_path / "out", DataConfig(dir=str(flat))
    folder = prepare_images(config, out)
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    (out / ".preparing").mkdir()  # as a kill at the very end leaves it
    assert prepare_images(config, out) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times
    assert not (out / ".preparing").exists()
    (out / ".DS_Store").touch()
    error = error_of(prepare_images, DataConfig(dir=str(flat), size=4), out)
    assert "holds a set that was prepared of other images, or with other settings" in error
    next(folder.glob("*-train.array_record*")).unlink()  # as after a copy of a part of it
    assert f"{folder}: is a damaged TFDS data set" in error_of(prepare_images, config, out)
    shutil.rmtree(folder)  # as the message says
    assert prepare_images(config, out) == folder


def test_two_commands_do_not_prepare_one_set(tmp_path, flat):
    (tmp_path / "out" / ".preparing").mkdir(parents=True)
    with prepare._locked(tmp_path / "out" / ".preparing"):
        error = error_of(prepare_images, DataConfig(dir=str(flat)), tmp_path / "out")
    assert error == f"--out {tmp_path / 'out'}: another command is preparing it"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "is empty"),
        ({"a.mp4": b"", "b.mp4": b""}, "holds no image file, but .mp4 2"),
        ({"a.png": b"no image"}, "1 of 1 image files cannot be used: 1 is of no image format"),
    ],
)
def test_a_folder_without_images_is_refused(tmp_path, files, words):
    (tmp_path / "in").mkdir()
    for name, content in files.items():
        (tmp_path / "in" / name).write_bytes(content)
    out = tmp_path / "out"
    assert words in error_of(prepare_images, DataConfig(dir=str(tmp_path / "in")), out)
    assert not [path for path in out.rglob("*") if "set" in path.name]


def test_a_file_in_place_of_either_folder_is_refused(tmp_path, flat):
    (tmp_path / "a.txt").write_text("text")
    error = error_of(prepare_images, DataConfig(dir=str(tmp_path / "a.txt")), tmp_path / "out")
    assert "is a file; must be a folder, or an archive" in error
    error = error_of(prepare_images, DataConfig(dir=str(flat)), tmp_path / "a.txt")
    assert "is a file; must be a new or an empty folder" in error
    error = error_of(prepare_images, DataConfig(dir=str(flat)), tmp_path)
    assert error == f"--out {tmp_path}: holds 'a.txt'; must be a new or an empty folder"
    error = error_of(prepare_images, DataConfig(dir=str(flat)), flat / "out")
    assert f"is within {flat}, whose images are read" in error


def test_test_images_of_another_size_are_refused(tmp_path, flat):
    shutil.copytree(flat, tmp_path / "in" / "train")
    (tmp_path / "in" / "test").mkdir()
    PIL.Image.new("RGB", (3, 4)).save(tmp_path / "in" / "test" / "a.png")
    error = error_of(prepare_images, DataConfig(dir=str(tmp_path / "in")), tmp_path / "out")
    assert "holds images of 4x3, but those of training are 6x8; must be the same" in error


@pytest.mark.parametrize("name", ["cat ", "cat\ndog"])
def test_a_class_whose_name_tfds_would_change_is_refused(tmp_path, flat, name):
    for class_ in (name, "owl"):
        shutil.copytree(flat, tmp_path / "in" / class_)
    error = error_of(prepare_images, DataConfig(dir=str(tmp_path / "in")), tmp_path / "out")
    assert f"TFDS cannot keep the name {name!r} of a class" in error
    assert not (tmp_path / "out").exists()


def test_a_bad_file_is_left_out_if_asked(tmp_path, flat):
    pictures = shutil.copytree(flat, tmp_path / "pictures")
    (pictures / "3.png").write_bytes((pictures / "3.png").read_bytes()[:60])
    error = error_of(prepare_images, DataConfig(dir=str(pictures)), tmp_path / "out")
    assert "1 of 7 image files cannot be used: 1 is damaged (3.png)" in error
    config = DataConfig(dir=str(pictures), skip_bad=True)
    prepare_images(config, tmp_path / "out")
    assert_same_data(config, tmp_path / "out")
    assert prepare_images(config, tmp_path / "out")
    error = error_of(prepare_images, DataConfig(dir=str(pictures)), tmp_path / "out")
    assert "or with other settings" in error


def test_a_half_copied_set_is_refused(tmp_path, splits):
    folder = prepare_images(DataConfig(dir=str(splits)), tmp_path / "out")
    (record,) = folder.glob("*test.array_record*")
    record.write_bytes(record.read_bytes()[:-1000])
    config = DataConfig(dir=str(tmp_path / "out"))
    assert "is a damaged TFDS data set" in error_of(load_data, config, "test")
    for content in ("[]", "{", None):
        (folder / "metadata.json").unlink()
        if content:
            (folder / "metadata.json").write_text(content)
        error = error_of(load_data, config)
        assert "is an incomplete TFDS data set (a whole metadata.json is missing)" in error
    (folder / "features.json").unlink()
    assert "is an incomplete TFDS data set (features.json is" in error_of(load_data, config)


def test_a_setting_that_a_prepared_set_does_not_have_is_refused(tmp_path, flat):
    config = DataConfig(dir=str(flat), size=4, fit="contain", background="black")
    prepare_images(config, tmp_path / "out")
    out = str(tmp_path / "out")
    load_data(DataConfig(dir=out, size=4, fit="contain", background="black"))
    for settings, found in [
        ({"size": 5}, "4x4 pixels"),
        ({"fit": "exact"}, "fit contain"),
        ({"background": "grey"}, "background black"),
        ({"channels": 1}, "3 channels"),
    ]:
        error = error_of(load_data, DataConfig(dir=out, **settings))
        assert re.search(rf"changes image files only, and .* has {found}; set it to", error)
        assert error.endswith(", or prepare the pictures again with it")


# The command line


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_command_leaves_no_process_and_goes_on(tmp_path, number):
    (tmp_path / "in").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (800, 8, 8), np.uint8)
    for i, image in enumerate(noise):
        PIL.Image.fromarray(image).resize((500, 500)).save(tmp_path / "in" / f"{i:04}.jpg")
    config, out = DataConfig(dir=str(tmp_path / "in"), size=8), tmp_path / "out"
    flags = ["prepare", "--dir", config.dir, "--size=8", "--out", str(out)]
    run = Path(__file__).parents[2] / "run.py"
    process = subprocess.Popen([sys.executable, run, *flags], stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: list((out / ".preparing").glob("*.zip")))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(number)
        # A child inherits standard error, which is at its end once all of them have ended.
        error = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode in (-number, 128 + number)
    assert children
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    assert "Traceback" not in error
    decoded = len(list((out / ".preparing").glob("*.zip")))
    assert 0 < decoded < 4
    assert main(flags) == 0
    assert load_data(DataConfig(dir=str(out))).sha256 == load_data(config).sha256


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_ctrl_c_is_one_line_also_while_the_processes_start(tmp_path):
    write(tmp_path / "in", seed=0)
    program = (
        "import os, sys; from jaxgan.cli.entry import run; from jaxgan.data import decoded_blocks;"
        "decoded_blocks.BLOCK_FILES = 1; os.cpu_count = lambda: 2; sys.exit(run())"
    )
    flags = ["prepare", "--dir", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *flags],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        wait_until(lambda: len(children.read_text().split()) == 3)  # one is multiprocessing's own
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it
        error = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert error == "jaxgan: error: interrupted; repeat the command\n"


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_command_takes_the_settings_of_data_under_their_names(tmp_path, capsys, splits):
    out = tmp_path / "my set"
    flags = [
        "--skip_bad",
        "--size=(4, 5)",
        "--fit",
        "contain",
        "--channels",
        "1",
        "--background=black",
    ]
    assert main(["prepare", "--dir", str(splits), *flags, "--out", str(out)]) == 0
    assert f"'--config.data.dir={out}' trains on it" in capsys.readouterr().out
    data = load_data(DataConfig(dir=str(out)))
    assert data.processing["fit"] == "contain"
    assert data.pixels.shape[1:] == (4, 5, 1)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--dir", "no"], "no': there is no such folder"),
        (["--dir", "a", "--size", "x"], "argument --size: 'x': must be a side such as 64"),
        (["--dir", "a", "--fit", "x"], "argument --fit: 'x': must be one of cover, contain, exact"),
        (["--dir", "a", "--tfds", "mnist"], "either --dir PICTURES or --tfds NAME"),
        (["--tfds", "cifar10", "--size", "64"], "--size beside --tfds: a set of TFDS is prepared"),
        (["--tfds", "cifar10"], "--tfds = 'cifar10': no network: "),
        (["--tfds", "cifra10"], "--tfds = 'cifra10': unknown data set; did you mean cifar10"),
        (["--tfds", "qqqqqqqq"], "for pictures of your own set --dir to their folder"),
        (["--tfds", "images"], "--tfds = 'images': is no set of TFDS; for pictures set --dir"),
        (["--tfds", "ring"], "--tfds = 'ring': is computed when it is needed"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_in_one_line(tmp_path, capsys, flags, words):
    assert main(["prepare", "--out", str(tmp_path / "out"), *flags]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert "config.data" not in error


def test_advice_about_the_command_that_trains_keeps_its_flags():
    error = UserError("config.data.name = 'a': set config.data.size, or use --config.data.dir")
    assert str(in_flags(error, name="--tfds")) == (
        "--tfds = 'a': set --size, or use --config.data.dir"
    )


def test_a_full_disk_is_named(tmp_path, monkeypatch, capsys, flat):
    def fail(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    assert main(["prepare", "--dir", str(flat), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error == ("jaxgan: error: the disk is full; free some space, then repeat the command\n")
    assert [path.name for path in (tmp_path / "out").rglob("*.*")] == [".preparing"]


def test_an_error_of_tfds_is_one_line(tmp_path, monkeypatch, flat):
    def fail(builder, root):
        raise RuntimeError("write() failed: No space left on device;\nwriting a file")

    monkeypatch.setattr(prepare, "write_set", fail)
    error = error_of(prepare_images, DataConfig(dir=str(flat)), tmp_path / "out")
    assert "cannot be written there (RuntimeError: write() failed: No space left on dev" in error
    assert "repeat the command, which goes on from there" in error


def test_a_set_of_tfds_is_downloaded_once(tmp_path, monkeypatch, capsys, arrays, tiny):
    monkeypatch.setattr(
        tfds_download,
        "download",
        lambda name, root: tfds_download.prepare(name, root, arrays.__getitem__),
    )
    flags = ["prepare", "--tfds", "kmnist", "--out", str(tmp_path / "out")]
    assert main(flags) == 0
    monkeypatch.setattr(tfds_download, "download", None)
    assert main(flags) == 0
    assert str(tmp_path / "out" / "kmnist" / "3.0.1") in capsys.readouterr().out
    assert len(load_data(DataConfig("kmnist", dir=str(tmp_path / "out"))).pixels) == 40


def test_a_part_of_a_set_of_tfds_is_not_called_prepared(tmp_path, capsys):
    (tmp_path / "kmnist" / "3.0.1").mkdir(parents=True)
    assert main(["prepare", "--tfds", "kmnist", "--out", str(tmp_path)]) == 2
    assert "incomplete TFDS data set (dataset_info.json is missing)" in capsys.readouterr().err


def test_a_damaged_block_is_decoded_again(tmp_path, monkeypatch, flat):
    calls = []
    interrupt(monkeypatch, calls, after=2)
    with pytest.raises(KeyboardInterrupt):
        prepare_images(DataConfig(dir=str(flat)), tmp_path / "out")
    (block, *_) = (tmp_path / "out" / ".preparing").glob("*.zip")
    block.write_bytes(block.read_bytes()[:-10])
    interrupt(monkeypatch, calls, after=100)
    prepare_images(DataConfig(dir=str(flat)), tmp_path / "out")
    assert len(calls) == 4  # of 3 blocks
    assert_same_data(DataConfig(dir=str(flat)), tmp_path / "out")


def test_a_file_that_could_not_be_read_is_tried_again(tmp_path, monkeypatch, flat):
    read = image_files._read_file

    def fail(root, name):
        if name == "3.png":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(root, name)

    with monkeypatch.context() as patched:
        patched.setattr(image_files, "_read_file", fail)
        error = error_of(prepare_images, DataConfig(dir=str(flat)), tmp_path / "out")
    assert "1 is not readable (Input/output error) (3.png)" in error
    prepare_images(DataConfig(dir=str(flat)), tmp_path / "out")
    assert_same_data(DataConfig(dir=str(flat)), tmp_path / "out")
