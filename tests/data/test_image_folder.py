"""A folder of image files: each kind of file, what is done to it, and what is refused."""

import dataclasses
import io
import sys
import threading
import time

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import (
    image_files,
    image_folder,
    image_pixels,
    image_reading,
    load_data,
    splits_of,
    with_found_name,
)
from jaxgan.data.lazy_array import LazyArray

COUNT = 12
ORIENTATION = 0x0112  # the EXIF tag


@pytest.fixture(scope="module")
def colour():
    return np.random.default_rng(0).integers(0, 256, (COUNT, 5, 4, 3), np.uint8)


@pytest.fixture
def folder(tmp_path, colour):
    """Images in a folder of their own, called 00.png and so on."""
    return write(tmp_path / "mine", colour)


def write(folder, images, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        PIL.Image.fromarray(image).save(folder / f"{i:02}{suffix}")
    return folder


def load(folder, split="train", **settings):
    return load_data(DataConfig("mine", dir=str(folder), **settings), split)


def error_of(folder, split="train", **settings):
    with pytest.raises(UserError) as caught:
        load(folder, split, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sorted_bytes(pixels):
    return sorted(image.tobytes() for image in pixels)


def only_image(tmp_path, image, name="a.png", **options):
    """Saves an image, and returns the pixels that are read of it."""
    (tmp_path / "one").mkdir(exist_ok=True)
    image.save(tmp_path / "one" / name, **options)
    return load(tmp_path / "one").pixels[0]


# Kinds of files


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".PNG", ".tif", ".Tiff", ".ppm"])
def test_the_images_are_those_of_the_files(tmp_path, colour, suffix):
    folder = tmp_path / "mine"
    folder.mkdir()
    for i, image in enumerate(colour):
        PIL.Image.fromarray(image).save(folder / f"{i}{suffix}", lossless=True)
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_text("no image either")
    data = load(folder)
    assert sorted_bytes(data.pixels) == sorted_bytes(colour)
    assert data.classes == 0
    assert data.labels.tolist() == [-1] * COUNT


@pytest.mark.parametrize("name", ["a.jpg", "bär 猫.JPEG"])
def test_a_jpeg_is_what_pil_makes_of_it(tmp_path, colour, name):
    pixels = only_image(tmp_path, PIL.Image.fromarray(colour[0]), name)
    with PIL.Image.open(tmp_path / "one" / name) as image:
        np.testing.assert_array_equal(pixels, np.asarray(image))


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_images_that_are_shown_alike_have_equal_pixels_whatever_their_orientation(
    tmp_path, orientation, suffix
):
    # JPEG compresses blocks of 8 x 8. One level in each makes turned files equal to the bit.
    levels = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    upright = PIL.Image.fromarray(np.kron(levels, np.ones((8, 8), np.uint8)))
    turns = {3: PIL.Image.Transpose.ROTATE_180, 6: PIL.Image.Transpose.ROTATE_90}
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = orientation
    upright.save(tmp_path / f"a{suffix}")
    upright.transpose(turns[orientation]).save(tmp_path / f"b{suffix}", exif=exif)
    data = load(tmp_path)
    assert data.pixels.shape == (2, 16, 24, 1)
    np.testing.assert_array_equal(data.pixels[0], data.pixels[1])
    assert np.abs(data.pixels[0, ::8, ::8, 0].astype(int) - levels).max() <= 2
    assert data.processing["counts"] == {"turned": 1}


def test_a_jpeg_is_turned_before_it_gets_its_size(tmp_path):
    image = PIL.Image.new("L", (32, 16))
    image.paste(255, (0, 0, 16, 16))  # the left half is white
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = 6  # to be turned by 90 degrees clockwise: the left half comes on top
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    pixels = load(tmp_path).pixels[0]
    assert pixels.shape == (32, 16, 1)
    assert pixels[:15].min() > 250
    assert pixels[17:].max() < 5
    assert load(tmp_path, size=(16, 8), fit="contain").pixels[0][:7].min() > 250


def test_an_opaque_image_with_transparency_is_that_without(tmp_path, colour):
    plain = PIL.Image.fromarray(colour[0])
    opaque = only_image(tmp_path, plain.convert("RGBA"))
    np.testing.assert_array_equal(opaque, colour[0])


@pytest.mark.parametrize(
    ("background", "behind"),
    [("white", [255] * 3), ("black", [0] * 3), ("grey", [128] * 3), ("#0102ff", [1, 2, 255])],
)
def test_a_colour_stands_behind_transparent_pixels(tmp_path, background, behind):
    image = PIL.Image.new("RGBA", (2, 1), (9, 8, 7, 0))
    image.putpixel((0, 0), (9, 8, 7, 255))
    image.save(tmp_path / "a.png")
    # A palette can have one transparent colour too.
    palette = PIL.Image.new("P", (2, 1), 1)
    palette.putpalette([50, 60, 70, 9, 8, 7])
    palette.putpixel((1, 0), 0)
    palette.save(tmp_path / "b.png", transparency=0)
    data = load(tmp_path, background=background)
    assert [image.tolist() for image in data.pixels] == [[[[9, 8, 7], behind]]] * 2
    assert data.processing["background"] == background
    assert data.processing["counts"] == {"transparent": 2}


def test_half_transparent_grey_is_mixed_with_the_background(tmp_path):
    pixels = only_image(tmp_path, PIL.Image.new("LA", (3, 2), (100, 51)))  # 51 is a fifth of 255
    assert pixels.shape == (2, 3, 1)
    assert set(pixels.ravel()) == {round(100 / 5 + 255 * 4 / 5)}


def test_16_bits_are_scaled_and_not_wrapped(tmp_path):
    values = np.array([[0, 128, 257, 32768, 65535]], np.uint16)
    pixels = only_image(tmp_path, PIL.Image.fromarray(values))
    assert pixels.ravel().tolist() == [0, 0, 1, 128, 255]


def test_the_transparent_level_of_a_16_bit_picture_shows_the_background(tmp_path):
    levels = PIL.Image.fromarray(np.array([[0, 257, 258, 65535]], np.uint16))
    pixels = only_image(tmp_path, levels, transparency=257)
    assert pixels.ravel().tolist() == [0, 255, 1, 255]  # 257 and 258 are both 1 of 255


def test_cmyk_is_read_as_the_colour_that_it_prints(tmp_path):
    image = PIL.Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow make red
    red, green, blue = only_image(tmp_path, image, "a.jpg").reshape(-1, 3).mean(axis=0)
    assert red > 245
    assert max(green, blue) < 10


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".webp", ".png"])
def test_of_several_pictures_in_a_file_the_first_is_read(tmp_path, suffix):
    first, second = (PIL.Image.new("L", (4, 4), level) for level in (10, 200))
    options = {"save_all": True, "append_images": [second]}
    pixels = only_image(tmp_path, first, f"a{suffix}", **options, lossless=True)
    assert pixels.max() <= 11


def test_a_colour_profile_other_than_srgb_is_counted_and_not_applied(tmp_path, caplog, colour):
    (tmp_path / "mine").mkdir()
    for i, kind in enumerate(("XYZ", "sRGB", "LAB")):
        profile = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile(kind)).tobytes()
        image = PIL.Image.fromarray(colour[i])
        image.save(tmp_path / "mine" / f"{i}.png", icc_profile=profile)
    caplog.set_level("INFO", "jaxgan")
    data = load(tmp_path / "mine")
    assert sorted_bytes(data.pixels) == sorted_bytes(colour[:3])
    assert data.processing["counts"] == {"colour profile not applied": 2}
    assert "(colour profile of 2 images not applied)" in caplog.text


def test_avif_is_read_where_pil_reads_it(tmp_path):
    if ".avif" not in PIL.Image.registered_extensions():
        pytest.skip("this PIL was built without AVIF")
    pixels = only_image(tmp_path, PIL.Image.new("RGB", (16, 16), (200, 30, 40)), "a.avif")
    assert np.abs(pixels.reshape(-1, 3).mean(axis=0) - [200, 30, 40]).max() < 5


def test_only_archives_have_endings_of_two_parts():
    names = ("a.tar.png", "b.TAR.GZ", "c.tar.gz.jpg", "tar.gz", ".tar", "d")
    endings = [".png", ".tar.gz", ".jpg", ".gz", "", ""]
    assert list(map(image_files.ending, names)) == endings


def test_a_file_is_read_by_its_content_not_its_name(tmp_path, colour):
    raw = io.BytesIO()
    PIL.Image.fromarray(colour[0]).save(raw, format="png")
    (tmp_path / "a.jpg").write_bytes(raw.getvalue())
    np.testing.assert_array_equal(load(tmp_path).pixels[0], colour[0])


# Channels


def test_grey_images_have_one_channel_also_those_of_one_bit(tmp_path):
    folder = write(tmp_path / "mine", np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    PIL.Image.new("1", (3, 4), 1).save(folder / "white.png")
    pixels = load(folder).pixels
    assert pixels.shape == (3, 4, 3, 1)
    assert sorted(image.max() for image in pixels) == [11, 23, 255]


def test_a_palette_of_greys_and_grey_rgb_are_grey_among_grey_images(tmp_path):
    grey = PIL.Image.fromarray(np.arange(12, dtype=np.uint8).reshape(4, 3))
    grey.save(tmp_path / "a.png")
    grey.convert("P").save(tmp_path / "b.png")
    grey.convert("RGB").save(tmp_path / "c.png")
    pixels = load(tmp_path).pixels
    assert pixels.shape == (3, 4, 3, 1)
    for image in pixels:
        np.testing.assert_array_equal(image[..., 0], np.asarray(grey))


@pytest.mark.parametrize("grey_first", [True, False])
@pytest.mark.parametrize("stream", [0, 1])
def test_a_set_with_a_colour_image_is_in_colour(tmp_path, colour, grey_first, stream):
    grey = np.arange(7 * 20, dtype=np.uint8).reshape(7, 5, 4)
    for i, image in enumerate(grey):
        name = f"{'a' if grey_first else 'z'}{i}.png"
        PIL.Image.fromarray(image).save(tmp_path / name)
    for i in range(20):
        PIL.Image.fromarray(colour[i % COUNT]).save(tmp_path / f"m{i:02}.png")
    pixels = load(tmp_path, stream=stream).pixels[:]
    assert pixels.shape == (27, 5, 4, 3)
    expected = [np.repeat(image[..., None], 3, axis=2) for image in grey]
    expected += [colour[i % COUNT] for i in range(20)]
    assert sorted_bytes(pixels) == sorted_bytes(expected)


@pytest.mark.parametrize("stream", [0, 1])
def test_the_number_of_channels_can_be_set(tmp_path, folder, colour, stream):
    grey = load(folder, channels=1, stream=stream).pixels[:]
    luma = [np.asarray(PIL.Image.fromarray(image).convert("L")) for image in colour]
    assert grey.shape == (COUNT, 5, 4, 1)
    assert sorted_bytes(grey) == sorted_bytes(luma)
    one = write(tmp_path / "grey", colour[:1, ..., 0])
    repeated = load(one, channels=3, stream=stream).pixels[:]
    np.testing.assert_array_equal(repeated[0], np.repeat(colour[0, ..., :1], 3, axis=2))


# Sizes


def halves(height, width):
    """A black image whose right half is white."""
    image = np.zeros((height, width), np.uint8)
    image[:, width // 2 :] = 255
    return image


@pytest.fixture
def two_shapes(tmp_path):
    """A square of 100 x 100 and an image of 4:3, which is 120 x 90."""
    write(tmp_path / "mine", [np.full((100, 100), 7, np.uint8)])
    PIL.Image.fromarray(halves(90, 120)).save(tmp_path / "mine" / "wide.png")
    return tmp_path / "mine"


def wide(data):
    return next(image for image in data.pixels[..., 0] if image.max() == 255)


def test_cover_cuts_off_what_is_outside_of_the_centre(two_shapes):
    data = load(two_shapes, size=30)
    assert data.pixels.shape == (2, 30, 30, 1)
    # The centre of 90 x 90 is half black and half white, and fills the square.
    columns = wide(data).mean(axis=0)
    assert columns[:12].max() < 20
    assert columns[-12:].min() > 235
    assert data.processing["counts"] == {"resized": 2}
    assert (data.processing["size"], data.processing["fit"]) == ([30, 30], "cover")


def test_contain_adds_borders_of_the_background(two_shapes):
    data = load(two_shapes, size=40, fit="contain", background="grey")
    image = wide(data)
    # 120 x 90 becomes 40 x 30, with 5 rows of border above and below.
    assert set(np.unique(np.r_[image[:5], image[-5:]])) == {128}
    assert image[5:-5, :15].max() < 20
    assert image[5:-5, -15:].min() > 235


@pytest.mark.parametrize("shape", [(1000, 3), (3, 1000)])
def test_a_picture_of_which_contain_would_leave_nothing_is_refused(tmp_path, shape):
    folder = write(tmp_path / "mine", [np.zeros(shape, np.uint8)])
    assert "1 is too narrow to be contained in 16x16" in error_of(folder, size=16, fit="contain")
    assert load(folder, size=16).pixels.max() == 0
    assert load(folder, size=200, fit="contain").pixels.min() == 0


def test_exact_refuses_other_sizes(two_shapes):
    error = error_of(two_shapes, size=100, fit="exact")
    assert "1 is of another size than 100x100 (wide.png)" in error
    assert "or leave out config.data.fit=exact, or go on without them" in error
    assert len(load(two_shapes, size=100, fit="exact", skip_bad=True).pixels) == 1


def test_a_size_can_be_a_height_and_a_width(two_shapes):
    assert load(two_shapes, size=(30, 40)).pixels.shape == (2, 30, 40, 1)
    # 120 x 90 has this shape, so all of it is kept.
    exact = load(two_shapes, size=(90, 120), fit="cover")
    np.testing.assert_array_equal(wide(exact), halves(90, 120))


def test_images_of_the_asked_size_are_left_as_they_are(folder, colour):
    data = load(folder, size=(5, 4))
    assert data.sha256 == load(folder).sha256
    assert data.processing["counts"] == {}


def test_fine_stripes_become_grey_and_not_coarse_stripes(tmp_path):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    write(tmp_path, [stripes])
    pixels = load(tmp_path, size=21).pixels
    assert pixels[0, 3:-3, 3:-3].std() < 12  # without a filter it is above 100


def test_photographs_of_many_sizes_are_refused_with_the_setting_that_helps(tmp_path):
    write(tmp_path, [np.zeros((8, 9 + i), np.uint8) for i in range(5)])
    error = error_of(tmp_path)
    assert "the images have different sizes (height x width), such as 8x9 (00.png)" in error
    assert "set config.data.size to the side that all are to have" in error
    assert load(tmp_path, size=8).pixels.shape == (5, 8, 8, 1)


# Files that cannot be used


def cut(path):
    path.write_bytes(path.read_bytes()[:44])


def flip(path):
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"IDAT") + 10] ^= 0xFF
    path.write_bytes(raw)


def lose(path):
    path.unlink()
    path.symlink_to("nowhere")


SPOILT = {
    "empty": (lambda path: path.write_bytes(b""), "is of no image format"),
    "text": (lambda path: path.write_text("hello"), "is of no image format"),
    "script": (lambda path: path.write_text("%!PS-Adobe-3.0 EPSF\n"), "is of no image format"),
    "cut": (cut, "is damaged"),
    "flipped": (flip, "is damaged"),
    "lost": (lose, "is not readable (No such file or directory)"),
    "floats": (
        lambda path: PIL.Image.new("F", (4, 5)).save(path, format="tiff"),
        "is of floating-point numbers, whose range is not known",
    ),
    "32 bits": (
        lambda path: PIL.Image.new("I", (4, 5), 70_000).save(path, format="tiff"),
        "is of 32 bits, whose range is not known",
    ),
    "size": (
        lambda path: PIL.Image.new("RGB", (5, 4)).save(path),
        "is not of the size 5x4 (height x width) of 11 others",
    ),
}


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("stream", [0, 1])
@pytest.mark.parametrize("name", ["00.png", "07.png"])
def test_a_file_that_cannot_be_used_is_named_or_left_out(folder, kind, stream, name):
    spoil, words = SPOILT[kind]
    spoil(folder / name)
    error = error_of(folder, stream=stream)
    assert error.startswith(f"{folder}: 1 of 12 image files cannot be used: 1 {words} ({name})")
    assert "config.data.skip_bad=True" in error
    data = load(folder, stream=stream, skip_bad=True)
    assert data.processing["counts"] == {"skipped": 1}
    (folder / name).unlink()
    assert data.sha256 == load(folder).sha256


def test_all_kinds_of_bad_files_are_in_one_message(tmp_path):
    folder = write(tmp_path / "mine", np.zeros((1000, 2, 2), np.uint8))
    for i in range(4):
        cut(folder / f"{10 + i}.png")
    (folder / "500.png").write_text("hello")
    PIL.Image.new("L", (3, 2)).save(folder / "700.png")
    error = error_of(folder)
    assert "6 of 1,000 image files cannot be used: " in error
    assert "4 are damaged (10.png, 11.png, 12.png, ...)" in error
    assert "1 is of no image format (500.png)" in error
    assert "1 is not of the size 2x2 (height x width) of 994 others (700.png)" in error
    assert "or set config.data.size" in error


def test_a_folder_without_a_usable_file_is_refused_also_if_bad_ones_are_skipped(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    error = error_of(tmp_path, skip_bad=True)
    assert "1 of 1 image files cannot be used" in error
    assert error.endswith("(a.png); fix or remove them")


def test_more_pixels_than_pil_thinks_safe_are_refused(folder, monkeypatch):
    PIL.Image.new("RGB", (6, 5)).save(folder / "bomb.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 25)
    assert "1 is larger than 25 pixels (bomb.png)" in error_of(folder)
    PIL.Image.new("RGB", (60, 5)).save(folder / "bomb.png")  # PIL refuses twice as many itself
    assert "1 is larger than 25 pixels (bomb.png)" in error_of(folder)


def test_a_streamed_file_that_changes_later_is_named(folder):
    data = load(folder, stream=1)
    PIL.Image.new("RGB", (9, 9)).save(folder / "07.png")
    with pytest.raises(UserError, match=r"07\.png: has another size than at the start of the run"):
        data.pixels[:]
    cut(folder / "07.png")
    with pytest.raises(UserError, match=r"07\.png: "):
        data.pixels[:]
    (folder / "07.png").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"07\.png: is now of no image format; put the old file back"
    ):
        data.pixels[:]


@pytest.mark.parametrize(("seconds", "is_shown"), [(0, True), (1000, False)])
def test_a_bar_is_shown_on_a_terminal_if_reading_takes_long(folder, monkeypatch, seconds, is_shown):
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(image_reading, "BAR_SECONDS", seconds)
    load(folder)
    assert ("reading images: " in terminal.getvalue()) == is_shown


# The set and its name


def test_the_log_says_what_was_taken_and_what_was_left_out(tmp_path, colour, caplog):
    for name in ("cat", "dog"):
        write(tmp_path / "mine" / name, colour)
        (tmp_path / "mine" / name / "about.txt").write_text("")
    (tmp_path / "mine" / "logo.svg").write_text("")
    caplog.set_level("INFO", "jaxgan")
    load(tmp_path / "mine")
    assert caplog.messages == [
        f"data: 24 images of 5x4, colour, 2 classes (cat, dog), from image folder "
        f"{tmp_path / 'mine'} (3 files of other kinds left out: .txt 2, .svg 1)"
    ]


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_images_under_the_name_of_a_known_set_are_a_set_of_their_own(folder, colour, caplog, name):
    caplog.set_level("INFO", "jaxgan")
    data = load_data(DataConfig(name, dir=str(folder)))
    assert data.name == "mine"
    assert sorted_bytes(data.pixels) == sorted_bytes(colour)
    assert f"holds 12 image files and not {name}; they are recorded as" in caplog.messages[0]
    assert with_found_name(DataConfig(name, dir=str(folder))).name == "mine"
    assert with_found_name(DataConfig("yours", dir=str(folder))).name == "yours"


def test_a_folder_is_not_listed_to_find_a_name_that_is_given(folder, monkeypatch):
    monkeypatch.setattr(image_folder, "list_image_files", None)
    assert with_found_name(DataConfig("yours", dir=str(folder))).name == "yours"


def test_a_folder_that_is_called_like_a_known_set_is_not_recorded_as_that_set(tmp_path, colour):
    write(tmp_path / "mnist", colour)
    assert load_data(DataConfig(dir=str(tmp_path / "mnist"))).name == "mnist_images"


def test_a_folder_of_a_known_set_is_that_set(tmp_path, arrays, tiny, idx_folder):
    images, labels = arrays["train"]
    for label in range(10):
        write(tmp_path / "png" / f"{label}", images[labels == label])
    loaded = load_data(DataConfig("kmnist", "folder", str(tmp_path / "png")))
    assert loaded.name == "kmnist"
    assert loaded.sha256 == load_data(DataConfig("kmnist", "idx", str(idx_folder))).sha256


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"folder: config\.data\.dir is '', so no folder is named"):
        load_data(DataConfig("mine", "folder"))
    with pytest.raises(UserError, match="there is no such folder"):
        load_data(DataConfig("mine", "folder", str(tmp_path / "nowhere")))


def test_threads_decode_to_the_same_pixels_in_the_same_order(monkeypatch, folder, colour):
    threads = set()

    def slow_at_first(files, name, rules, done):
        threads.add(threading.get_ident())
        time.sleep(0.02 if name < "04.png" else 0)
        return image_pixels.decode(files, name, rules, done)

    monkeypatch.setattr(image_reading, "decode", slow_at_first)
    monkeypatch.setattr(image_reading, "THREADS", 4)
    monkeypatch.setattr(image_reading, "THREAD_FILES", 1)
    files = image_files.list_image_files(folder)
    rules = image_pixels.rules_of(DataConfig())
    reading = image_reading.decode_all(files, files.names, rules)
    np.testing.assert_array_equal(reading.pixels, colour)
    assert len(threads) == 4


def test_a_streamed_file_is_decoded_twice_for_its_check_and_order_and_for_the_hash(
    tmp_path, monkeypatch, colour
):
    images = [colour[0][..., 0], *colour[1:6], colour[6][..., 0], colour[7]]
    for i, image in enumerate(images):  # two classes of grey and colour images
        write(tmp_path / "mine" / str(i % 2) / str(i), [image])
    whole, calls = load(tmp_path / "mine"), []

    def count(files, name, rules, done):
        calls.append(name)
        return image_pixels.decode(files, name, rules, done)

    monkeypatch.setattr(image_reading, "decode", count)
    streamed = load(tmp_path / "mine", stream=1)
    assert sorted(calls) == sorted(2 * [f"{i % 2}/{i}/00.png" for i in range(8)])
    assert streamed.sha256 == whole.sha256
    np.testing.assert_array_equal(streamed.pixels[:], whole.pixels)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_streamed_folder_is_the_same_array(tmp_path, colour, split):
    for name in ("train", "test"):
        write(tmp_path / name / "a", colour[:5])
        write(tmp_path / name / "b", colour[5:] if name == "train" else colour[5:8])
    for settings in ({}, {"size": (3, 7), "channels": 1}, {"size": 8, "fit": "contain"}):
        whole, streamed = (load(tmp_path, split, stream=s, **settings) for s in (0, 1))
        assert isinstance(streamed.pixels, LazyArray)
        assert streamed.sha256 == whole.sha256
        assert streamed.pixels.shape == whole.pixels.shape
        np.testing.assert_array_equal(streamed.labels, whole.labels)
        for chosen in (slice(None), slice(2, 5), np.array([3, 0, 3]), slice(0, 0)):
            np.testing.assert_array_equal(streamed.pixels[chosen], whole.pixels[chosen])


# Held-out images


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    images = np.random.default_rng(1).integers(0, 256, (400, 2, 2), np.uint8)
    images[200:210] = images[:10]  # ten images twice
    return write(tmp_path_factory.mktemp("many"), images)


@pytest.mark.parametrize("stream", [0, 1])
def test_a_fraction_is_held_out_by_content(many, stream):
    settings = {"held_out": 0.25, "stream": stream}
    train, test = (load(many, split, **settings) for split in ("train", "test"))
    assert len(train.pixels) + len(test.pixels) == 400
    assert 70 < len(test.pixels) < 130  # 100 within 3.5 standard deviations of a binomial
    # Equal images are on one side, so nothing that is held out was trained on.
    assert not set(sorted_bytes(train.pixels[:])) & set(sorted_bytes(test.pixels[:]))
    assert "held out by config.data.held_out=0.25" in test.source


def test_an_image_stays_on_its_side_when_others_are_added(tmp_path, many):
    before = set(sorted_bytes(load(many, "test", held_out=0.25).pixels))
    for path in list(many.iterdir())[:200]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    after = set(sorted_bytes(load(tmp_path, "test", held_out=0.25).pixels))
    assert after
    assert after <= before


def test_a_fraction_that_leaves_nothing_is_refused(tmp_path, colour):
    write(tmp_path, colour[:2])
    assert "config.data.held_out = 0.01: leaves no test images of the 2" in error_of(
        tmp_path, "test", held_out=0.01
    )


def test_a_test_folder_comes_before_a_fraction_and_it_is_said(tmp_path, colour, caplog):
    for name, part in (("train", colour[:8]), ("test", colour[8:])):
        write(tmp_path / name, part)
    caplog.set_level("INFO", "jaxgan")
    assert load(tmp_path, held_out=0.5).sha256 == load(tmp_path).sha256
    assert "config.data.held_out = 0.5: has no effect, since mine has test images" in caplog.text


def test_there_is_a_test_split_if_there_are_test_images_or_a_fraction(tmp_path, folder, colour):
    config = DataConfig("mine", dir=str(folder))
    assert splits_of(config) == ("train",)
    assert splits_of(dataclasses.replace(config, held_out=0.1)) == ("train", "test")
    for name in ("train", "test"):
        write(tmp_path / "split" / name, colour)
    assert splits_of(DataConfig("mine", dir=str(tmp_path / "split"))) == ("train", "test")
    assert splits_of(DataConfig()) == ("train", "test")
    assert "has no folder 'test', so there are no test images" in error_of(folder, "test")
