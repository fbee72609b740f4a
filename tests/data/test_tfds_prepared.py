"""Prepared TFDS folders: read whole, or refused."""

import json
import shutil

import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import load_data, splits_of
from jaxgan.data.lazy_array import LazyArray
from jaxgan.data.tfds_download import prepare, prepare_download

pytestmark = pytest.mark.usefixtures("tiny")
SHARD = "kmnist-train.array_record-00000-of-00001"


@pytest.fixture(scope="session")
def prepared_once(tmp_path_factory, arrays):
    root = tmp_path_factory.mktemp("prepared")
    prepare("kmnist", root, arrays.__getitem__)
    return root


@pytest.fixture
def root(prepared_once, tmp_path):
    return shutil.copytree(prepared_once, tmp_path / "tfds")


@pytest.fixture
def folder(root):
    return root / "kmnist" / "3.0.1"


def load(root, name="kmnist", split="train", source="prepared"):
    return load_data(DataConfig(name, source, str(root)), split)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_streamed_set_is_the_same_array_read_when_indexed(root, split):
    whole = load(root, split=split)
    streamed = load_data(DataConfig("kmnist", "prepared", str(root), stream=1), split)
    assert isinstance(streamed.pixels, LazyArray)
    assert (streamed.sha256, streamed.classes) == (whole.sha256, whole.classes)
    np.testing.assert_array_equal(streamed.labels, whole.labels)
    for chosen in (slice(None), slice(3, 9), np.array([5, 0, 5])):
        np.testing.assert_array_equal(streamed.pixels[chosen], whole.pixels[chosen])


def test_a_bad_record_is_found_at_load_also_of_a_streamed_set(root, folder):
    raw = bytearray((folder / SHARD).read_bytes())
    raw[10_000] ^= 0xFF
    (folder / SHARD).write_bytes(raw)
    with pytest.raises(UserError, match=f"{folder}: is a damaged TFDS data set"):
        load_data(DataConfig("kmnist", "prepared", str(root), stream=1))


def error_of(root, **kwargs):
    with pytest.raises(UserError) as caught:
        load(root, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def prepare_own(root, features, example, file_format="array_record", count=3):
    """A set called own, of `count` examples; `example` gives the values of one."""

    class Own(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.2.0")
        pkg_dir_path = root  # where TFDS looks for a description

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            del dl_manager
            return {"train": ((i, example(i)) for i in range(count))}

        def _generate_examples(self):
            raise NotImplementedError

    Own(data_dir=root, file_format=file_format).download_and_prepare()


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_prepared_set_and_its_idx_files_are_the_same(root, idx_folder, split):
    prepared = load(root, split=split)
    idx = load_data(DataConfig("kmnist", "idx", str(idx_folder)), split)
    np.testing.assert_array_equal(prepared.pixels, idx.pixels)
    np.testing.assert_array_equal(prepared.labels, idx.labels)
    assert prepared.sha256 == idx.sha256
    assert prepared.classes == idx.classes


def test_auto_finds_it_in_the_default_folder_of_tfds(root, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(root))
    data = load_data(DataConfig("kmnist"))
    assert data.source == f"prepared TFDS folder {root / 'kmnist' / '3.0.1'}"


def test_the_newest_version_is_taken_and_an_unfinished_one_is_not(root, folder):
    shutil.copytree(folder, root / "kmnist" / "2.10.0")
    (root / "kmnist" / "incomplete.ABC_9.0.0").mkdir()
    assert load(root).source.endswith("3.0.1")


def test_an_empty_folder_is_an_error(root, folder):
    shutil.rmtree(folder)
    folder.mkdir()
    error = error_of(root, source="auto")
    assert f"{folder}: is an incomplete TFDS data set (dataset_info.json is missing)" in error
    assert f"delete {folder}" in error


@pytest.mark.parametrize("missing", ["features.json", "dataset_info.json", SHARD])
def test_a_half_copied_folder_is_an_error(root, folder, missing):
    (folder / missing).unlink()
    error = error_of(root, source="auto")
    assert f"{folder}: " in error
    assert f"delete {folder}" in error


@pytest.mark.parametrize("missing", ["features.json", "dataset_info.json", SHARD])
@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_truncated_file_is_an_error(root, folder, missing, kept):
    path = folder / missing
    raw = path.read_bytes()
    path.write_bytes(raw[: int(kept * len(raw))])
    assert f"{folder}: is a damaged TFDS data set" in error_of(root, source="auto")


def test_a_file_that_is_cut_while_it_is_streamed_is_named(root, folder):
    streamed = load_data(DataConfig("kmnist", "prepared", str(root), stream=1)).pixels
    path = folder / SHARD
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=f"{folder}: is a damaged TFDS data set"):
        streamed[:]


def test_a_bad_record_anywhere_is_found_at_load(root, folder):
    raw = bytearray((folder / SHARD).read_bytes())
    raw[10_000] ^= 0xFF  # among the images; what follows them is padding
    (folder / SHARD).write_bytes(raw)
    assert f"{folder}: is a damaged TFDS data set" in error_of(root)


def test_fewer_records_than_the_set_says_is_an_error(root, folder):
    info = json.loads((folder / "dataset_info.json").read_text())
    train = next(split for split in info["splits"] if split["name"] == "train")
    train["shardLengths"] = ["50"]
    (folder / "dataset_info.json").write_text(json.dumps(info))
    assert f"{folder}: is a damaged TFDS data set" in error_of(root)


def test_a_renamed_folder_is_not_taken_for_another_set(root):
    (root / "kmnist").rename(root / "mnist")
    for source in ("auto", "prepared"):
        error = error_of(root, name="mnist", source=source)
        assert "holds the prepared sets kmnist, but config.data.name = 'mnist'" in error


def test_a_folder_without_versions_says_so(root, folder):
    shutil.rmtree(folder)
    assert "holds no folder named after a version, such as 3.0.1" in error_of(root)


def test_any_set_of_images_of_one_size_will_do(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 6, 4, 3), np.uint8)
    features = {
        "id": tfds.features.Text(),
        "image": tfds.features.Image(shape=(6, 4, 3), encoding_format="png"),
        "label": tfds.features.ClassLabel(num_classes=7),
    }

    def example(i):
        return {"id": f"{i}", "image": PIL.Image.fromarray(pixels[i]), "label": i + 2}

    prepare_own(tmp_path, features, example)
    data = load(tmp_path, name="own")
    assert data.classes == 7
    for image, label in zip(data.pixels, data.labels, strict=True):
        np.testing.assert_array_equal(image, pixels[label - 2])
    streamed = load_data(DataConfig("own", "prepared", str(tmp_path), stream=1))
    assert isinstance(streamed.pixels, LazyArray)
    assert streamed.sha256 == data.sha256
    np.testing.assert_array_equal(streamed.pixels[:], data.pixels)


def test_a_set_without_labels_has_no_classes(tmp_path):
    features = {"photo": tfds.features.Image(shape=(4, 4, 1))}
    prepare_own(tmp_path, features, lambda i: {"photo": PIL.Image.new("L", (4, 4), i)})
    data = load(tmp_path, name="own")
    assert data.classes == 0
    np.testing.assert_array_equal(data.labels, [-1, -1, -1])


@pytest.mark.parametrize("within", ["", "own", "own/1.2.0"])
@pytest.mark.parametrize("name", ["mnist", "own"])
def test_a_folder_with_one_own_set_needs_no_name(tmp_path, within, name):
    classes = tfds.features.ClassLabel(names=["cat", "dog"])
    features = {"image": tfds.features.Image(shape=(4, 4, 1)), "label": classes}
    image = PIL.Image.new("L", (4, 4))
    prepare_own(tmp_path, features, lambda i: {"image": image, "label": i % 2})
    config = DataConfig(name, dir=str(tmp_path / within))
    data = load_data(config)
    assert data.name == "own"
    assert data.source == f"prepared TFDS folder {tmp_path / 'own' / '1.2.0'}"
    assert data.class_names == ("cat", "dog")
    assert data.class_counts == (2, 1)
    assert splits_of(config) == ("train",)


def test_of_several_prepared_sets_one_must_be_named(root, tmp_path):
    features = {"image": tfds.features.Image(shape=(4, 4, 1))}
    prepare_own(root, features, lambda i: {"image": PIL.Image.new("L", (4, 4), i)})
    assert "holds the prepared sets kmnist, own, but" in error_of(root, name="mnist", source="auto")
    assert load(root, name="own", source="auto").name == "own"


def test_images_of_many_sizes_are_refused(tmp_path):
    features = {"image": tfds.features.Image(shape=(None, None, 3))}
    prepare_own(tmp_path, features, lambda i: {"image": PIL.Image.new("RGB", (4, 4 + i))})
    assert "image has shape (None, None, 3)" in error_of(tmp_path, name="own")


def test_a_set_without_images_says_what_it_has(tmp_path):
    features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(num_classes=2)}
    prepare_own(tmp_path, features, lambda i: {"text": "x", "label": 0})
    error = error_of(tmp_path, name="own")
    assert "has no image among its features" in error
    assert "text (Text)" in error
    assert "label (ClassLabel)" in error


def test_an_unknown_split_lists_those_there_are(tmp_path):
    features = {"image": tfds.features.Image(shape=(4, 4, 1))}
    prepare_own(tmp_path, features, lambda i: {"image": PIL.Image.new("L", (4, 4), i)})
    assert "split 'validation'" in error_of(tmp_path, name="own", split="validation")
    assert "has train" in error_of(tmp_path, name="own", split="validation")


def test_a_format_that_needs_tensorflow_is_passed_over(root, folder):
    info = json.loads((folder / "dataset_info.json").read_text())
    info["fileFormat"] = "tfrecord"
    for split in info["splits"]:
        split["filepathTemplate"] = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    (folder / "dataset_info.json").write_text(json.dumps(info))
    words = "is prepared as tfrecord, which needs TensorFlow to read"
    assert words in error_of(root)
    with pytest.raises(UserError, match=words):
        prepare_download("kmnist", root)
