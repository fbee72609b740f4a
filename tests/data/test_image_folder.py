"""A folder of image files: read whole or where it lies, and every odd file named."""

import io
import shutil

import numpy as np
import PIL.Image
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import load_data
from jaxgan.data.lazy_array import LazyArray

COUNT = 12


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


def load(folder, split="train", stream=0):
    return load_data(DataConfig("mine", "folder", str(folder), stream), split)


def error_of(folder, split="train", stream=0):
    with pytest.raises(UserError) as caught:
        load(folder, split, stream)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sorted_bytes(pixels):
    return sorted(image.tobytes() for image in pixels)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".PNG"])
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


def test_a_jpeg_is_what_pil_makes_of_it(tmp_path, colour):
    write(tmp_path / "mine", colour[:1], ".jpg")
    with PIL.Image.open(tmp_path / "mine" / "00.jpg") as image:
        np.testing.assert_array_equal(load(tmp_path / "mine").pixels[0], np.asarray(image))


def test_grey_images_have_one_channel_also_those_of_one_bit(tmp_path):
    folder = write(tmp_path / "mine", np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    PIL.Image.new("1", (3, 4), 1).save(folder / "white.png")
    pixels = load(folder).pixels
    assert pixels.shape == (3, 4, 3, 1)
    assert sorted(image.max() for image in pixels) == [11, 23, 255]


def test_images_of_a_palette_are_in_colour(folder):
    PIL.Image.new("RGB", (4, 5), (1, 2, 3)).quantize().save(folder / "palette.png")
    assert [1, 2, 3] in load(folder).pixels[:, 0, 0].tolist()


def test_folders_of_classes_give_labels_by_the_order_of_their_names(tmp_path, colour):
    for name, part in (("dog", colour[:5]), ("cat", colour[5:])):
        write(tmp_path / "mine" / name, part)
    data = load(tmp_path / "mine")
    assert data.classes == 2
    assert sorted_bytes(data.pixels[data.labels == 1]) == sorted_bytes(colour[:5])
    assert sorted_bytes(data.pixels[data.labels == 0]) == sorted_bytes(colour[5:])


def test_folders_train_and_test_are_the_splits(tmp_path, colour):
    for name, part in (("train/a", colour[:4]), ("train/b", colour[4:8]), ("test/b", colour[8:])):
        write(tmp_path / "mine" / name, part)
    train, test = (load(tmp_path / "mine", split) for split in ("train", "test"))
    assert sorted_bytes(train.pixels) == sorted_bytes(colour[:8])
    assert sorted_bytes(test.pixels) == sorted_bytes(colour[8:])
    assert train.classes == test.classes == 2
    assert set(test.labels.tolist()) == {1}  # b, as in training


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_streamed_folder_is_the_same_array(tmp_path, colour, split):
    for name in ("train", "test"):
        write(tmp_path / name / "a", colour[:5])
        write(tmp_path / name / "b", colour[5:] if name == "train" else colour[5:8])
    whole, streamed = load(tmp_path, split), load(tmp_path, split, stream=1)
    assert isinstance(streamed.pixels, LazyArray)
    assert streamed.sha256 == whole.sha256
    assert streamed.pixels.shape == whole.pixels.shape
    np.testing.assert_array_equal(streamed.labels, whole.labels)
    for chosen in (slice(None), slice(2, 5), np.array([3, 0, 3]), slice(0, 0)):
        np.testing.assert_array_equal(streamed.pixels[chosen], whole.pixels[chosen])


def test_a_folder_of_a_known_set_is_that_set(tmp_path, arrays, tiny, idx_folder):
    images, labels = arrays["train"]
    for label in range(10):
        write(tmp_path / "png" / f"{label}", images[labels == label])
    loaded = load_data(DataConfig("kmnist", "folder", str(tmp_path / "png")))
    assert loaded.sha256 == load_data(DataConfig("kmnist", "idx", str(idx_folder))).sha256


def test_auto_takes_no_folder_of_images(folder):
    with pytest.raises(UserError, match="unknown data set"):
        load_data(DataConfig("mine", "auto", str(folder)))


def cut(path):
    path.write_bytes(path.read_bytes()[:70])


def flip(path):
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"IDAT") + 10] ^= 0xFF
    path.write_bytes(raw)


def lose(path):
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b""), "is not a readable image"),
        (lambda path: path.write_text("hello"), "is not a readable image"),
        (cut, "a damaged image"),
        (flip, "a damaged image"),
        (lose, "cannot be read (No such file or directory); put it back"),
    ],
    ids=["empty", "text", "cut", "flipped", "lost"],
)
@pytest.mark.parametrize("stream", [0, 1])
def test_a_corrupt_file_is_named(folder, spoil, words, stream):
    spoil(folder / "07.png")
    error = error_of(folder, stream=stream)
    assert error.startswith(f"{folder / '07.png'}: ")
    assert words in error


ODD = {
    "grey": (PIL.Image.new("L", (4, 5)), "is 4 x 5 pixels and grey, but 12 of the 13 images"),
    "size": (PIL.Image.new("RGB", (5, 4)), "is 5 x 4 pixels and in colour, but 12 of the 13"),
    "alpha": (PIL.Image.new("RGBA", (4, 5)), "is transparent; must be grey or RGB of 8 bits"),
    "16 bits": (PIL.Image.new("I;16", (4, 5)), "is of PIL's mode I;16; must be grey or RGB"),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ["+first.png", "07a.png", "~last.png"])
def test_a_file_unlike_the_others_is_named_wherever_it_stands(folder, kind, name):
    image, words = ODD[kind]
    image.save(folder / name)
    error = error_of(folder)
    assert error.startswith(f"{folder / name}: {words}")
    if kind in ("grey", "size"):
        assert "images are 4 x 5 pixels and in colour; all must be the same" in error


def test_a_colour_image_among_grey_ones_is_named(tmp_path):
    folder = write(tmp_path / "mine", np.zeros((3, 4, 4), np.uint8))
    PIL.Image.new("RGB", (4, 4)).save(folder / "odd.png")
    assert error_of(folder).startswith(f"{folder / 'odd.png'}: is 4 x 4 pixels and in colour")


def test_a_folder_without_test_images_says_so(folder):
    error = error_of(folder, "test")
    assert "has no folder 'test', so there are no held-out images" in error
    assert "config.evaluate.every=0" in error


@pytest.mark.parametrize(
    ("layout", "split", "words"),
    [
        ((), "train", "holds no .png, .jpg, .jpeg, .webp or .bmp file, and no folders of them"),
        (("test",), "train", "has no folder 'train' beside 'test'"),
        (("", "a"), "train", "00.png: is beside the folder 'a'"),
        (("train/a", "test/b"), "test", "test: has the class 'b', but"),
        (("train/a", "test"), "test", "test: has no classes, but"),
        (("train", "test/a"), "test", "train has none; must be the same"),
    ],
    ids=["empty", "no train", "mixed", "another class", "unlabelled", "labelled"],
)
def test_a_folder_that_is_laid_out_otherwise_is_refused(tmp_path, colour, layout, split, words):
    (tmp_path / "mine").mkdir()
    for name in layout:
        write(tmp_path / "mine" / name, colour[:1])
    assert words in error_of(tmp_path / "mine", split)


def test_a_class_without_images_is_refused(tmp_path, colour):
    write(tmp_path / "a", colour)
    (tmp_path / "b").mkdir()
    assert f"{tmp_path / 'b'}: holds no .png" in error_of(tmp_path)


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_no_folder_is_an_error(tmp_path, name):
    error = error_of(tmp_path / name if name else "")
    assert "folder: there is no folder" in error if name else "config.data.dir is ''" in error


def test_a_file_that_changes_its_size_later_is_named(folder):
    data = load(folder, stream=1)
    shutil.copy(folder / "07.png", folder / "kept.png")
    PIL.Image.new("RGB", (9, 9)).save(folder / "07.png")
    with pytest.raises(UserError, match=r"07\.png: has another size than at the start of the run"):
        data.pixels[:]


def test_a_file_is_read_by_its_content_not_its_name(tmp_path, colour):
    raw = io.BytesIO()
    PIL.Image.fromarray(colour[0]).save(raw, format="png")
    (tmp_path / "a.jpg").write_bytes(raw.getvalue())
    np.testing.assert_array_equal(load(tmp_path).pixels[0], colour[0])
