"""Scores with the names of papers, and scores of images that any program made."""

import dataclasses
import io
import json
import zipfile

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.main import main
from jaxgan.config.errors import UserError
from jaxgan.data import DATASETS
from jaxgan.evaluation import published, scoring
from jaxgan.evaluation.evaluate import evaluate
from jaxgan.evaluation.evaluate_images import evaluate_images, read_images
from jaxgan.evaluation.request import EvaluateRequest
from jaxgan.evaluation.text_table import table, table_of_seeds
from jaxgan.metrics import FeatureNet, FeatureSet, classifier_score, frechet_distance
from jaxgan.training.loop import train
from tests import tiny
from tests.test_evaluate import CLASSES, FLAT, classifier

KEY = jax.random.key(0)
SHA256 = "f" * 64
FAKE_INCEPTION = FeatureNet("inception", SHA256, 4, classifier, batch_size=7)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "jaxgan" / "features"


@pytest.fixture
def inception(monkeypatch):
    """Puts a small classifier in the place of Inception, whose weights tests do not have."""

    def load(name):
        return FAKE_INCEPTION if name == "inception" else load_features(name)

    load_features = scoring.load_features
    monkeypatch.setattr(scoring, "load_features", load)
    monkeypatch.setattr("jaxgan.evaluation.evaluate_images.load_features", load)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "plain"
    train(tiny.config(data, epochs=1), workdir)
    return workdir


def draw_pixels(count, seed=0, shape=(6, 6, 1)):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def flatten(pixels):
    return pixels.reshape(len(pixels), -1) / 255.0


def write_npz(path, pixels):
    np.savez(path, images=pixels)
    return path


def write_folder(folder, pixels):
    folder.mkdir()
    for index, image in enumerate(pixels):
        Image.fromarray(image.squeeze()).save(folder / f"{index}.png")
    return folder


def feature_sets(generated=1234, real=60):
    draw = np.random.default_rng(0)
    probabilities = draw.dirichlet(np.ones(4), generated).astype(np.float32)
    sets = draw.standard_normal((real, 3)), draw.standard_normal((generated, 3)) + 1
    return FeatureSet(sets[0], None), FeatureSet(sets[1], probabilities)


def test_names_are_those_of_papers_and_values_those_of_the_metrics():
    real, fake = feature_sets(generated=1000)
    names = published.select_published((), 1000, 60)
    found = published.score_as_published(names, real, fake, KEY)
    assert list(found) == [
        *("fid1k_full", "kid1k_full", "kid1k_full_spread"),
        *("precision1k_full", "recall1k_full", "is1k", "is1k_spread"),
    ]
    assert found["fid1k_full"] == frechet_distance(real.features, fake.features)
    assert found["is1k"] == classifier_score(fake.probabilities, 10).mean


@pytest.mark.parametrize(("images", "text"), [(50_000, "50k"), (1234, "1234"), (1000, "1k")])
def test_numbers_of_images_are_written_as_in_papers(images, text):
    assert published.format_count(images) == text


def test_features_of_the_reference_are_computed_once(cache, inception):
    calls = []
    net = dataclasses.replace(
        FAKE_INCEPTION, function=lambda x: (calls.append(1), classifier(x))[1]
    )
    first = published.reference_features(net, draw_pixels(20), "a" * 64)
    counted = len(calls)
    again = published.reference_features(net, draw_pixels(20), "a" * 64)
    np.testing.assert_array_equal(first.features, again.features)
    assert len(calls) == counted
    published.reference_features(net, draw_pixels(20), "b" * 64)
    assert len(calls) == 2 * counted
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_cache_is_computed_again(cache):
    pixels = draw_pixels(20)
    first = published.reference_features(FAKE_INCEPTION, pixels, "a" * 64)
    (path,) = cache.iterdir()
    path.write_bytes(path.read_bytes()[:50])
    again = published.reference_features(FAKE_INCEPTION, pixels, "a" * 64)
    np.testing.assert_array_equal(first.features, again.features)


def test_a_run_is_scored_against_all_training_images(run, inception):
    found = evaluate(run, 30, features="inception")
    assert list(found["metrics"]) == ["generator"]
    assert {"fid30_full", "kid30_full", "is30", "recall30_full"} <= set(
        found["metrics"]["generator"]
    )
    protocol = found["protocol"]
    assert protocol["real"] == {"train": "all 100 train images"}
    assert (protocol["num_samples"], protocol["num_reference"]) == (30, 100)
    assert protocol["features_sha256"] == SHA256
    text = table(found)
    assert "30 images against 100, seed 0" in text
    assert "\nfid30_full" in text
    assert evaluate(run, 30, features="inception") == found


def test_the_table_of_seeds_says_how_many_images_were_compared():
    protocol = {"data": "pets", "num_samples": 30, "num_reference": 100, "seed": 0, "steps": {}}
    protocol |= {"features": "inception", "features_sha256": SHA256}
    summary = {"protocol": protocol, "metrics": {}, "ratios": {}}
    assert table_of_seeds(summary).startswith("pets; 30 images against 100, evaluation seed 0")
    del protocol["num_reference"]
    assert table_of_seeds(summary).startswith("pets; 30 samples in each set, evaluation seed 0")


def test_papers_and_the_package_score_the_same_images(run, inception):
    """The distance with the package's protocol has another number of real images, and no more."""
    ours = evaluate(run, 100, features=CLASSES, metrics=["frechet"])["metrics"]["generator"]
    theirs = evaluate(run, 100, features="inception", metrics=["frechet"])["metrics"]["generator"]
    found = theirs["fid100_full"]
    assert found == pytest.approx(ours[f"frechet/train/n100/{CLASSES}"], rel=1e-3)


def test_a_metric_that_papers_do_not_have_is_refused(run, inception):
    with pytest.raises(UserError, match="'density_coverage': has no published protocol"):
        evaluate(run, 30, features="inception", metrics=["density_coverage"])


def test_too_few_images_for_a_published_score_are_refused(run, inception):
    with pytest.raises(UserError, match="9 against 100 images: must be at least 10"):
        evaluate(run, 9, features="inception")


def test_a_run_uses_as_many_images_as_its_smallest_split_has(run):
    found = evaluate(run, features=FLAT, metrics=["frechet"])
    assert found["protocol"]["num_samples"] == 100


def test_without_a_test_split_half_of_the_training_images_are_the_baseline(run, monkeypatch):
    monkeypatch.setattr("jaxgan.evaluation.evaluate.splits_of", lambda config: ("train",))
    found = evaluate(run, features=FLAT, metrics=["frechet"])
    protocol = found["protocol"]
    assert protocol["real"] == {"train": "train images 1 to 50"}
    assert protocol["floor"] == {"train": "train images 51 to 100"}
    assert list(found["ratios"]["generator"]) == [f"frechet/train/n50/{FLAT}"]
    alone = evaluate(run, 80, features=FLAT, metrics=["frechet"])
    assert list(alone["metrics"]) == ["generator"]
    assert "no real baseline" in table(alone)


def test_images_of_the_reference_score_as_its_baseline(tmp_path):
    pixels = draw_pixels(300)
    images = write_npz(tmp_path / "a.npz", pixels[:100])
    reference = write_npz(tmp_path / "b.npz", pixels[100:])
    out = tmp_path / "scores.json"
    found = evaluate_images(images, reference, EvaluateRequest(features=CLASSES), out)
    assert json.loads(out.read_text()) == found
    assert found["protocol"]["num_samples"] == 100  # half of the reference
    assert found["protocol"]["files"]["reference"]["number"] == 200
    name = f"frechet/reference/n100/{CLASSES}"
    assert found["ratios"]["images"][name] == pytest.approx(
        found["metrics"]["images"][name] / found["metrics"]["floor"][name]
    )
    assert 0.3 < found["ratios"]["images"][name] < 3
    assert "100 samples in each set" in table(found)


def test_the_number_of_images_is_the_users_choice_and_may_leave_no_baseline(tmp_path):
    files = [write_npz(tmp_path / f"{seed}.npz", draw_pixels(40, seed)) for seed in (0, 1)]
    request = EvaluateRequest(num_samples=40, features=FLAT, metrics=("frechet",))
    found = evaluate_images(*files, request, tmp_path / "x.json")
    assert list(found["metrics"]) == ["images"]
    assert found["ratios"] == {"images": {}}
    assert "no real baseline" in table(found)
    request = dataclasses.replace(request, num_samples=41)
    with pytest.raises(UserError, match="num_samples = 41: --images has 40 images"):
        evaluate_images(*files, request, tmp_path / "x.json")


def test_a_folder_and_an_npz_file_of_the_same_images_are_the_same_set(tmp_path):
    pixels = draw_pixels(12)
    folder = read_images(write_folder(tmp_path / "folder", pixels))
    file = read_images(write_npz(tmp_path / "a.npz", pixels[::-1]))
    assert folder.sha256 == file.sha256
    np.testing.assert_array_equal(folder.pixels[:5], file.pixels[:5])


@pytest.mark.parametrize("name", ["grid", "stacked_mnist", "test_set"])
def test_the_name_of_a_folder_says_nothing_about_its_images(tmp_path, monkeypatch, name):
    spec = dataclasses.replace(DATASETS["mnist"], examples={"train": 3})
    monkeypatch.setitem(DATASETS, "test_set", spec)  # a known set with as many images
    folder = write_folder(tmp_path / name, draw_pixels(3))
    assert read_images(folder).pixels.shape == (3, 6, 6, 1)


def test_images_of_many_sizes_are_refused_without_settings_of_a_run(tmp_path):
    folder = write_folder(tmp_path / "a", draw_pixels(3))
    Image.new("L", (9, 9)).save(folder / "large.png")
    with pytest.raises(UserError, match=r"6x6 .*; all must be readable") as error:
        read_images(folder)
    assert "config." not in str(error.value)


def test_a_folder_without_images_is_refused_without_settings_of_a_run(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.mp4").touch()
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04")
    for name, words in (("a", "holds no image file, but .mp4 1"), ("b.zip", "is no whole archive")):
        with pytest.raises(UserError) as error:
            read_images(tmp_path / name)
        assert str(error.value).startswith(f"{tmp_path / name}: {words}")
        assert "config." not in str(error.value)


def test_a_reference_of_one_image_is_too_small(tmp_path):
    images, one = (write_npz(tmp_path / f"{n}.npz", draw_pixels(n)) for n in (20, 1))
    request = EvaluateRequest(features=FLAT, metrics=("frechet",))
    with pytest.raises(UserError, match="num_samples = 1: frechet needs at least 2"):
        evaluate_images(images, one, request, tmp_path / "x.json")


def test_all_images_are_scored_against_the_whole_reference_in_published_scores(tmp_path, inception):
    images = write_npz(tmp_path / "a.npz", draw_pixels(20))
    reference = write_folder(tmp_path / "b", draw_pixels(31, seed=1))
    request = EvaluateRequest(features="inception", metrics=("frechet",))
    found = evaluate_images(images, reference, request, tmp_path / "x.json")
    assert list(found["metrics"]["images"]) == ["fid20_full"]
    assert found["protocol"]["num_reference"] == 31


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pixels": draw_pixels(3)}, "holds pixels; must have the pixels under 'images'"),
        ({"images": np.zeros((3, 4, 4))}, r"'images' is float64 of shape \(3, 4, 4\); must be"),
        ({"images": np.array([{}])}, "is no .npz file of arrays"),
    ],
    ids=["another name", "no pixels", "objects"],
)
def test_a_file_without_images_is_refused(arrays, message, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=message):
        read_images(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_file_that_is_no_archive_is_refused(content, tmp_path):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.npz: is no .npz file of arrays"):
        read_images(tmp_path / "a.npz")


def test_a_damaged_header_of_an_array_is_refused(tmp_path):
    array = io.BytesIO()
    np.save(array, draw_pixels(3))
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
        file.writestr("images.npy", array.getvalue().replace(b"}", b" "))
    with pytest.raises(UserError, match=r"b\.npz: is no .npz file of arrays"):
        read_images(tmp_path / "b.npz")


def test_a_file_that_holds_no_images_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", draw_pixels(3))
    with pytest.raises(UserError, match=r"a\.npy: must be an .npz file, or a folder or an archive"):
        read_images(tmp_path / "a.npy")


def test_two_sets_of_images_that_give_features_of_two_widths_are_refused_by_their_sizes(tmp_path):
    sizes = [(6, 6, 1), (5, 6, 3)]
    files = [
        write_npz(tmp_path / f"{n}.npz", draw_pixels(40, n, shape)) for n, shape in enumerate(sizes)
    ]
    request = EvaluateRequest(features="tests.test_published:flatten", metrics=("frechet",))
    with pytest.raises(UserError, match="--images has images of 6x6x1 and --reference of 5x6x3"):
        evaluate_images(*files, request, tmp_path / "x.json")


def test_the_command_scores_images_and_names_its_file(tmp_path, capsys):
    files = [write_npz(tmp_path / f"{seed}.npz", draw_pixels(40, seed)) for seed in (0, 1)]
    out = tmp_path / "scores.json"
    flags = ["--features", FLAT, "--metrics", "frechet", "--out", str(out)]
    assert main(["evaluate", "--images", str(files[0]), "--reference", str(files[1]), *flags]) == 0
    assert out.exists()
    assert f"{out}: the same in full" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "needs either --workdir DIR, or --images A --reference B"),
        (["--images", "."], "needs either"),
        (["--workdir", ".", "--images", "."], "--images beside --workdir"),
        (["--images", "none.npz", "--reference", "."], "--images none.npz: does not exist"),
        (["--images", ".", "--reference", ".", "--step", "best"], "--step best: images have no"),
        (["--images", ".", "--reference", ".", "--out", "x.txt"], "must end in .json"),
    ],
)
def test_flags_that_do_not_fit_are_refused(flags, message, capsys):
    assert main(["evaluate", *flags]) == 2
    assert message in capsys.readouterr().err
