import dataclasses
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.arguments import parse_sample_output
from jaxgan.cli.main import main
from jaxgan.cli.sample import sample
from jaxgan.config.errors import UserError
from jaxgan.config.files import from_mapping
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config
from jaxgan.gan.sampling import (
    SAMPLE_BLOCK,
    generate,
    latents_of_seed,
    sample_latents,
    sample_pixels,
    truncate_latents,
)
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import build_gan, init_state
from jaxgan.runs.sample_inputs import SampleChoices
from jaxgan.training.loop import train
from jaxgan.types import Stream, stream_key, to_images, to_pixels
from tests import tiny

SHAPE = (3, 3, 1)
CONFIG = dataclasses.replace(Config(), network=NetworkConfig(latent_size=4, gen_widths=(5,)))
GAN = build_gan(CONFIG, SHAPE)
GAN_OF_FIVE = build_gan(tiny.config("nowhere"), SHAPE)  # latents of five values


def test_pixels_to_images_and_back_is_the_identity():
    every = jnp.arange(256, dtype=jnp.uint8).reshape(1, 16, 16, 1)
    images = to_images(every)
    assert (images.min(), images.max()) == (-1, 1)
    np.testing.assert_array_equal(to_pixels(images), every)


def test_latents_are_standard_normal():
    z = sample_latents(GAN, 50_000, jax.random.key(0))
    np.testing.assert_allclose(z.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(jnp.cov(z.T), np.eye(4), atol=0.03)


def test_more_samples_begin_with_the_fewer_ones_latents():
    key = jax.random.key(3)
    np.testing.assert_array_equal(sample_latents(GAN, 64, key), sample_latents(GAN, 100, key)[:64])


def test_samples_in_blocks_are_those_of_one_pass():
    state = init_state(GAN, SHAPE, jax.random.key(0))
    count, key = 4 * SAMPLE_BLOCK + 7, jax.random.key(1)
    z = sample_latents(GAN, count, key)
    whole = to_pixels(generate(GAN, state.gen.params, state.gen.stats, z))
    blocks = sample_pixels(GAN, state.gen.params, state.gen.stats, count, key)
    assert blocks.shape == (count, *SHAPE)
    assert np.abs(whole.astype(int) - blocks.astype(int)).max() <= 1


AVERAGED = from_mapping(
    {
        "network": {
            "name": "dcgan",
            "latent_size": 4,
            "conditional": True,
            "gen_channels": 2,
            "disc_channels": 2,
        },
        "ema": {"half_life": 40},
    }
)


@pytest.mark.parametrize(
    ("config", "shape", "classes"),
    [(CONFIG, (2,), 0), (AVERAGED, (16, 16, 1), 10)],  # points are not rounded to pixels
    ids=["points", "labels, averaged weights and batch norm"],
)
def test_the_first_samples_have_the_same_bits_however_many_follow(config, shape, classes):
    gan = build_gan(config, shape, classes)
    variables = inference_variables(gan, init_state(gan, shape, jax.random.key(0)))
    four, *more = (
        np.asarray(sample_pixels(gan, *variables, count, jax.random.key(1)))
        for count in (4, 64, 300)
    )
    for samples in more:
        np.testing.assert_array_equal(samples[:4], four)


def test_truncated_latents_are_normal_ones_of_which_those_beyond_the_threshold_are_drawn_again():
    z = sample_latents(GAN, 20_000, jax.random.key(0))
    truncated = truncate_latents(z, 0.7, jax.random.key(1))
    within = np.abs(z) <= 0.7
    np.testing.assert_array_equal(truncated[within], z[within])
    assert np.abs(truncated).max() <= 0.7
    # The variance of a normal distribution that is cut at 0.7: 1 - 2 * 0.7 * pdf / (2 cdf - 1).
    for values in (truncated[within], truncated[~within]):
        np.testing.assert_allclose(np.var(values), 0.1529, atol=0.005)


def test_every_stream_and_counter_has_a_key_of_its_own():
    root = jax.random.key(0)
    keys = {
        tuple(jax.random.key_data(stream_key(root, stream, counter)).tolist())
        for stream in Stream
        for counter in range(50)
    }
    assert len(keys) == 50 * len(Stream)


@pytest.fixture(scope="module")
def conditional(data, tmp_path_factory):
    config, workdir = tiny.config(data, epochs=1), tmp_path_factory.mktemp("conditional") / "run"
    network = dataclasses.replace(config.network, conditional=True)
    train(dataclasses.replace(config, network=network), workdir)
    return workdir


def test_a_folder_has_a_picture_of_each_image_named_by_index_and_label(conditional, tmp_path):
    sample(conditional, "last", 3, 0, tmp_path / "s.npz", SampleChoices((3, 1)))
    sample(conditional, "last", 3, 0, tmp_path / "pictures", SampleChoices((3, 1)))
    names = ["00000_3.png", "00001_1.png", "00002_3.png"]
    assert sorted(os.listdir(tmp_path / "pictures")) == names
    pictures = [np.asarray(Image.open(tmp_path / "pictures" / name)) for name in names]
    np.testing.assert_array_equal(pictures, np.load(tmp_path / "s.npz")["images"][..., 0])


def test_a_single_image_is_written_as_it_is(conditional, tmp_path):
    sample(conditional, "last", 1, 0, tmp_path / "one.png")
    sample(conditional, "last", 1, 0, tmp_path / "one.npz")
    image = np.asarray(Image.open(tmp_path / "one.png"))
    np.testing.assert_array_equal(image, np.load(tmp_path / "one.npz")["images"][0, ..., 0])


def test_a_folder_has_all_images_or_is_left_as_it_was(conditional, tmp_path, monkeypatch):
    def fail(self, *_):
        raise OSError("full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="full"):
        sample(conditional, "last", 3, 0, tmp_path / "pictures")
    assert os.listdir(tmp_path) == []


def test_pictures_go_into_a_new_or_empty_folder_only(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").touch()
    assert parse_sample_output(f"{tmp_path}/new/") == tmp_path / "new"
    assert parse_sample_output(f"{tmp_path}/empty") == tmp_path / "empty"
    for name, words in (
        ("full/", "is not an empty folder; choose a new one"),
        ("full/a.txt/", "is not an empty folder"),
        ("a/b/", "the folder .*/a does not exist"),
        ("new", "must end in .png or .npz, or in / for a folder"),
        ("new.png/", "is a folder; its name must not end in .png"),
    ):
        with pytest.raises(UserError, match=words):
            parse_sample_output(f"{tmp_path}/{name}")


def test_a_folder_that_cannot_be_replaced_is_refused(tmp_path, monkeypatch):
    with monkeypatch.context() as there:
        there.chdir(tmp_path)
        for text in ("./", ".", f"{tmp_path}/"):
            with pytest.raises(UserError, match="is the current folder; name a folder in it, such"):
                parse_sample_output(text)
    monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path)
    with pytest.raises(UserError, match="is the root of a file system; name a folder in it, such"):
        parse_sample_output(f"{tmp_path}/")


def test_a_conditional_generator_is_asked_for_labels_in_turn_and_they_are_kept(
    conditional, tmp_path
):
    workdir, out = conditional, tmp_path / "s.npz"
    sample(workdir, "last", 12, 0, out)
    every = dict(np.load(out))
    assert every["labels"].tolist() == [*range(10), 0, 1]
    sample(workdir, "last", 12, 0, out, SampleChoices((3, 1)))
    some = dict(np.load(out))
    assert some["labels"].tolist() == [3, 1] * 6
    same = np.array([(a == b).all() for a, b in zip(every["images"], some["images"], strict=True)])
    np.testing.assert_array_equal(same, every["labels"] == some["labels"])  # of equal latents
    with pytest.raises(UserError, match="--labels: 10: must be from 0 to 9"):
        sample(workdir, "last", 1, 0, out, SampleChoices((10,)))


def arrays_of(workdir, out, num=64, **choices):
    sample(workdir, "last", num, 0, out, SampleChoices(**choices))
    return dict(np.load(out))


def test_each_class_has_a_row_of_its_own(conditional, tmp_path):
    out = tmp_path / "s.npz"
    assert arrays_of(conditional, out, per_class=2)["labels"].tolist() == [*np.arange(10).repeat(2)]
    some = arrays_of(conditional, out, per_class=3, labels=(3, 1))
    assert some["labels"].tolist() == [3, 3, 3, 1, 1, 1]
    np.testing.assert_array_equal(
        some["images"][0], arrays_of(conditional, out, labels=(3,))["images"][0]
    )
    sample(conditional, "last", 1, 0, tmp_path / "s.png", SampleChoices((3, 1), per_class=3))
    height, width = np.asarray(Image.open(tmp_path / "s.png")).shape
    assert (width - 2, height - 2) == (3 * (54 + 2), 2 * (54 + 2))  # 6 pixels, each 9 wide


def test_a_row_goes_from_the_image_of_one_seed_to_that_of_another(conditional, tmp_path):
    rows = arrays_of(conditional, tmp_path / "s.npz", num=24, interpolate=(0, 5))
    assert rows["labels"].tolist() == [*np.arange(3).repeat(8)]
    for column, seed in ((0, 0), (7, 5)):
        sample(conditional, "last", 3, seed, tmp_path / "ends.npz")
        ends = np.load(tmp_path / "ends.npz")["images"].astype(int)
        assert np.abs(ends - rows["images"][column::8]).max() <= 1
    assert np.ptp(rows["images"].reshape(3, 8, -1).astype(int), axis=1).max() > 10


def test_truncation_leaves_the_images_of_latents_within_the_threshold_alone(conditional, tmp_path):
    out = tmp_path / "s.npz"
    every = arrays_of(conditional, out)
    same = [
        np.all(
            every["images"] == arrays_of(conditional, out, truncation=x)["images"], axis=(1, 2, 3)
        )
        for x in (1.5, 9.0)
    ]
    within = np.abs(latents_of_seed(GAN_OF_FIVE, 64, 0)).max(axis=1) <= 1.5
    np.testing.assert_array_equal(same[0], within)
    assert same[1].all()
    assert 0 < within.sum() < 64


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--per_class 2 --num 3", "--num beside --per_class, which gives the number of images"),
        ("--per_class 2 --interpolate 1,2", "--interpolate beside --per_class"),
        ("--interpolate 1,2 --seed 3", "--seed beside --interpolate, which gives the seeds"),
        ("--interpolate 1", "at least two seeds, such as 1,2,3"),
        ("--truncation 0", "'0': must be a number above 0, up to 100"),
        ("--truncation nan", "must be a number above 0"),
    ],
)
def test_flags_that_contradict_each_other_or_have_no_meaning_are_refused(flags, words, capsys):
    assert main(["sample", "--workdir", "x", *flags.split()]) == 2
    assert words in capsys.readouterr().err


def test_the_line_after_samples_says_what_their_latents_are(conditional, tmp_path, capsys):
    out = tmp_path / "s.png"
    flags = ["--interpolate", "1,2", "--truncation", "0.5", "--num", "8", "--out", str(out)]
    assert main(["sample", "--workdir", str(conditional), *flags]) == 0
    words = "8 samples from step 12, seeds 1, 2, latents truncated to 0.5 standard deviations"
    assert capsys.readouterr().out == f"{out}: {words}\n"


def test_classes_asked_of_a_generator_without_them_are_refused(finished, tmp_path):
    with pytest.raises(UserError, match="--per_class: the run is not class-conditional"):
        sample(finished, "last", 1, 0, tmp_path / "s.png", SampleChoices(per_class=2))


def test_labels_asked_of_a_generator_without_classes_are_refused(tmp_path):
    train(tiny.config(tiny.write_data(tmp_path / "data"), epochs=1), tmp_path / "run")
    with pytest.raises(UserError, match="--labels: the run is not class-conditional"):
        sample(tmp_path / "run", "last", 1, 0, tmp_path / "s.png", SampleChoices((1,)))
