import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image, features

from jaxgan.cli.arguments import ANIMATIONS
from jaxgan.config.errors import UserError
from jaxgan.reports import animation_files
from jaxgan.reports.animation_files import check_encoder, write_animation

RANDOM = np.random.RandomState(0)
GREY = [*RANDOM.randint(0, 256, (5, 9, 7, 1), np.uint8)]
COLOUR = [*np.repeat(RANDOM.randint(0, 256, (5, 3, 4, 3)), 4, axis=1).astype(np.uint8)]


def read(path):
    with Image.open(path) as picture:
        frames = []
        for index in range(picture.n_frames):
            picture.seek(index)
            frames.append(np.asarray(picture.convert("RGB")).astype(int))
        return np.stack(frames), picture.info


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
@pytest.mark.parametrize("frames", [GREY, COLOUR], ids=["grey", "colour"])
def test_an_animation_has_the_pixels_of_its_frames_and_loops(name, frames, tmp_path):
    write_animation(tmp_path / name, frames, 25)
    shown, info = read(tmp_path / name)
    # 60 colours fit into the palette of a GIF.
    np.testing.assert_array_equal(shown, np.broadcast_to(frames, shown.shape))
    assert info["loop"] == 0
    if name == "a.gif":
        assert info["duration"] == 40


def test_the_flag_takes_what_can_be_written():
    assert tuple(animation_files.WRITERS) == ANIMATIONS


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.mp4"])
def test_equal_frames_give_equal_bytes(name, tmp_path):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        write_animation(tmp_path / folder / name, [frame.repeat(4, axis=0) for frame in COLOUR], 20)
    first, second = (tmp_path / folder / name for folder in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in first.parent.iterdir()) == [name]


def test_a_film_has_an_even_number_of_rows_and_columns_and_the_pixels_nearly(tmp_path):
    grey = np.full((6, 33, 41, 1), 200, np.uint8)
    grey[3:] = 40
    write_animation(tmp_path / "a.mp4", [*grey], 10)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", tmp_path / "a.mp4"]
    command += ["-f", "rawvideo", "-pix_fmt", "gray", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    shown = np.frombuffer(raw, np.uint8).reshape(6, 34, 42)[:, :33, :41].astype(int)
    assert np.abs(shown - grey[..., 0]).max() < 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.avi", "--out a.avi: must end in .gif, .webp, .mp4"),
        ("a.webp", "--out a.webp: this Pillow has no WebP; write a .gif"),
        ("a.mp4", "--out a.mp4: needs an encoder: pip install imageio-ffmpeg"),
    ],
)
def test_an_encoder_that_is_not_there_is_named_with_what_to_do(name, words, monkeypatch, tmp_path):
    monkeypatch.setattr(features, "check", lambda feature: False)
    monkeypatch.setattr(animation_files.importlib.util, "find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words):
        check_encoder(tmp_path.joinpath(name).relative_to(tmp_path))


def test_a_package_without_its_program_is_no_encoder(monkeypatch, tmp_path):
    def find():
        raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", find)
    with pytest.raises(UserError, match="needs an encoder"):
        check_encoder(tmp_path / "a.mp4")


def test_an_encoder_that_fails_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/false")
    with pytest.raises(UserError, match=r"the encoder failed .*; write a .gif or .webp"):
        write_animation(tmp_path / "a.mp4", GREY, 20)
    assert list(tmp_path.iterdir()) == []
