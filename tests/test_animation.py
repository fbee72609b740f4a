"""Animations of runs: each frame is that of the samples which it says it shows."""

import dataclasses
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.main import main
from jaxgan.cli.sample import SampleChoices, sample
from jaxgan.config.errors import UserError
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, DataConfig, SaveConfig, TrainConfig
from jaxgan.gan.decision_surface import decision_surface
from jaxgan.gan.directions import latent_directions
from jaxgan.gan.state import build_gan
from jaxgan.plots.point_frames import plane_of
from jaxgan.reports import sample_frames
from jaxgan.reports.animation import animate
from jaxgan.reports.animation_request import AnimateRequest
from jaxgan.reports.sample_frames import CAPTION
from jaxgan.runs import checkpoints, layout
from jaxgan.runs.saved_grids import saved_grids
from jaxgan.training.loop import train
from tests import tiny

RING = dataclasses.replace(
    Config(),
    data=DataConfig("ring"),
    network=NetworkConfig(latent_size=2, gen_widths=(8,), disc_widths=(8,)),
    train=TrainConfig(epochs=3, batch_size=5000, logs_per_epoch=2),
    save=SaveConfig(every=1, keep=9),
)


@pytest.fixture(scope="module")
def kept(data, tmp_path_factory):
    """A class-conditional run of which all checkpoints are kept."""
    config, workdir = tiny.config(data, epochs=3), tmp_path_factory.mktemp("kept") / "run"
    network = dataclasses.replace(config.network, conditional=True)
    train(dataclasses.replace(config, network=network), workdir)
    return workdir


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("points") / "run"
    train(RING, workdir)
    return workdir


@pytest.fixture
def last_only(kept, tmp_path):
    """The same run as after a training that keeps only the last checkpoint."""
    shutil.copytree(kept, tmp_path / "run")
    for step in ("12", "24"):
        shutil.rmtree(tmp_path / "run" / "checkpoints" / step)
    return tmp_path / "run"


def frames_of(workdir, out, **request):
    words = animate(workdir, AnimateRequest(**request), out)
    with Image.open(out) as picture:
        frames = []
        for index in range(picture.n_frames):
            picture.seek(index)
            frames.append(np.asarray(picture.convert("L")).astype(int))
    return frames, words


def grid_of_samples(workdir, folder, step="last", num=64, seed=0, **choices):
    sample(workdir, step, num, seed, folder / "grid.png", SampleChoices(**choices))
    return np.asarray(Image.open(folder / "grid.png")).astype(int)


def is_same_picture(frame, picture):
    return frame.shape == picture.shape and np.abs(frame - picture).max() <= 1


def test_the_training_is_shown_by_its_checkpoints(kept, tmp_path):
    frames, words = frames_of(kept, tmp_path / "a.gif")
    assert words == "3 frames, from the checkpoints of steps 12 to 36"
    for frame, step in zip(frames, (12, 24, 36), strict=True):
        assert is_same_picture(frame[:-CAPTION], grid_of_samples(kept, tmp_path, step))
        assert (frame[-CAPTION:] < 128).any()
    few, _ = frames_of(kept, tmp_path / "a.gif", frames=2, num=4, labels=("7",), seed=3, size=2)
    shown = grid_of_samples(kept, tmp_path, 36, num=4, seed=3, labels=(7,))
    assert len(few) == 2
    assert few[1][:-CAPTION].shape == (2 * (2 * 6 + 2) + 2,) * 2
    assert few[1][3, 3] == shown[5, 5]


def test_the_training_is_shown_by_its_saved_grids_where_checkpoints_are_gone(last_only, tmp_path):
    frames, words = frames_of(last_only, tmp_path / "a.gif")
    assert words == (
        "3 frames, from the saved pictures of samples, since only the checkpoints of steps 36 are "
        "kept"
    )
    for number, frame in enumerate(frames, 1):
        saved = np.asarray(Image.open(last_only / "samples" / f"epoch_{number:04}.png"))
        assert is_same_picture(frame[:-CAPTION], saved.astype(int))
    with pytest.raises(UserError, match="--seed: only the checkpoints of steps 36 are kept, so"):
        frames_of(last_only, tmp_path / "a.gif", seed=0)
    (last_only / "samples" / "epoch_0002.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"epoch_0002.png: is damaged .*; delete it"):
        frames_of(last_only, tmp_path / "a.gif")


def test_a_run_of_one_checkpoint_without_grids_has_no_animation_of_its_training(last_only):
    shutil.rmtree(last_only / "samples")
    out = last_only / "a.gif"
    with pytest.raises(UserError, match=r"has 1 checkpoints and 0 pictures .* so train on; --walk"):
        animate(last_only, AnimateRequest(), out)
    assert animate(last_only, AnimateRequest(walk=(1, 2), frames=2, num=1), out)
    shutil.rmtree(last_only / "checkpoints")
    with pytest.raises(UserError, match="no checkpoint yet"):
        animate(last_only, AnimateRequest(walk=(1, 2)), out)


def test_a_damaged_checkpoint_is_left_out_with_a_warning(kept, tmp_path, caplog):
    shutil.copytree(kept, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "24" / "state")
    frames, _ = frames_of(tmp_path / "run", tmp_path / "a.gif")
    assert len(frames) == 2
    assert "24: damaged checkpoint" in caplog.text


def test_a_walk_is_at_the_samples_of_each_seed_in_turn(kept, tmp_path):
    request = {"walk": (1, 2, 3), "frames": 9, "num": 4, "labels": (5,), "step": 24}
    frames, words = frames_of(kept, tmp_path / "a.gif", **request)
    assert words == "9 frames, between seeds 1, 2, 3; step 24"
    for seed, frame in zip((1, 2, 3), frames[::3], strict=True):
        assert is_same_picture(frame, grid_of_samples(kept, tmp_path, 24, 4, seed, labels=(5,)))
    again = tmp_path / "b.gif"
    frames_of(kept, again, **request)
    assert again.read_bytes() == (tmp_path / "a.gif").read_bytes()


def test_a_direction_begins_at_the_seeds_samples_and_moves_them(kept, tmp_path):
    frames, words = frames_of(kept, tmp_path / "a.gif", direction=1, extent=4.0, frames=4, num=9)
    gan, state = checkpoints.load_run(kept)[1:]
    value = latent_directions(gan, state.gen.params).singular_values[1]
    along = f"along direction 1 (singular value {value:.3g}) to 4 standard deviations on both sides"
    assert words == f"4 frames, {along}, seed 0; step 36"
    assert is_same_picture(frames[0], grid_of_samples(kept, tmp_path, num=9))
    assert np.abs(frames[1] - frames[3]).max() > 20


def test_points_are_drawn_over_the_decision_of_d(ring, tmp_path, monkeypatch):
    drawn = []

    def keep(plane, points, surface=None):
        drawn.append((plane, points, surface))
        return np.zeros((4, 9, 3), np.uint8)

    monkeypatch.setattr(sample_frames.Plane, "draw", keep)
    _, words = frames_of(ring, tmp_path / "a.gif", num=50)
    assert words == "3 frames, from the checkpoints of steps 20 to 60"
    plane, points, surface = drawn[-1]
    sample(ring, "last", 50, 0, tmp_path / "s.npz")
    np.testing.assert_allclose(points, np.load(tmp_path / "s.npz")["points"], atol=1e-5)
    state = checkpoints.load_run(ring)[2]
    hidden, last = (state.disc.params[f"Linear_{i}"]["dense"] for i in (0, 1))
    at = plane.surface_points()
    h = at @ hidden["kernel"] + np.asarray(hidden["bias"])[None]
    logits = (np.where(h > 0, h, 0.2 * h) @ last["kernel"]).squeeze() + last["bias"]
    np.testing.assert_allclose(surface, 1 / (1 + np.exp(-logits)), atol=1e-4)


def test_points_walk_too(ring, tmp_path):
    frames, words = frames_of(ring, tmp_path / "a.webp", walk=(1, 2), frames=2, num=30, size=64)
    assert words == "2 frames, between seeds 1, 2; step 60"
    assert [frame.shape for frame in frames] == [(64, 64)] * 2


def test_grids_of_points_say_that_they_do_not_show_ds_decision(ring, tmp_path, caplog):
    shutil.copytree(ring, tmp_path / "run")
    for step in ("20", "40"):
        shutil.rmtree(tmp_path / "run" / "checkpoints" / step)
    frames_of(tmp_path / "run", tmp_path / "a.gif")
    assert "does not show D's decision surface; train with config.save.keep=1000" in caplog.text


def test_a_decision_of_packs_is_refused(ring):
    _, gan, state = checkpoints.load_run(ring)
    with pytest.raises(ValueError, match=r"needs config.packing = 1 and no labels"):
        decision_surface(
            dataclasses.replace(gan, packing=2), state.disc, jnp.ones((3, 2)), jnp.ones((3, 2))
        )


def test_a_relativistic_d_decides_by_the_distance_from_the_mean_generated_point(ring):
    config, gan, state = checkpoints.load_run(ring)
    other = build_gan(dataclasses.replace(config, loss="relativistic"), (2,))
    points, fake = jnp.array([[0.0, 1.0], [2.0, 0.5]]), jnp.array([[3.0, 1.0], [-1.0, 0.0]])
    logits, of_fake = (decision_surface(gan, state.disc, x, fake) for x in (points, fake))
    relative = decision_surface(other, state.disc, points, fake)
    np.testing.assert_allclose(relative, logits - of_fake.mean(), rtol=1e-4, atol=1e-6)


def test_a_picture_of_points_has_the_real_and_the_generated_ones_where_they_are():
    real, fake = np.array([[-1.0, -1], [1, 1]]), np.array([[0.0, 1.0], [np.nan, 0], [1e30, 0]])
    plane = plane_of(real, 90)  # from -1.5 to 1.5
    probabilities = (plane.surface_points()[:, 0] > 0).astype(np.float32)
    picture = plane.draw(fake, probabilities).astype(int)
    assert picture[15, 45].max() < 50  # generated: above the middle
    assert picture[75, 15].tolist() == picture[15, 75].tolist() == [150, 150, 150]
    assert picture[45, 20].tolist() == [103, 140, 205]  # as generated on the left
    assert picture[45, 70].tolist() == [235, 150, 90]
    assert (plane.draw(fake)[45, 20] == 255).all()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--direction 5 --out a.gif", "has 5 directions; must be 0 (the strongest) to 4"),
        ("--walk 1,2 --labels 10", "--labels: 10: must be from 0 to 9"),
        ("--walk 1,2 --step 13", "no checkpoint of step 13"),
        ("--walk 1,2 --direction 0", "--direction beside --walk"),
        ("--walk 1,2 --seed 0", "--seed beside --walk, which gives the seeds"),
        ("--walk 1", "at least two seeds"),
        ("--extent 2", "--extent 2: needs --direction"),
        ("--step best", "--step best: an animation of the training has many steps"),
        ("--frames 1", "'1': must be a whole number, 2 to 10000"),
        ("--fps 60", "'60': must be a whole number, 1 to 50"),
        ("--out a.png", "--out a.png: must end in .gif or .webp or .mp4"),
        ("--out nowhere/a.gif", "the folder nowhere does not exist"),
    ],
)
def test_what_cannot_be_animated_is_one_line(flags, words, kept, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["animate", "--workdir", str(kept), *flags.split()]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote(kept, tmp_path, capsys):
    out = tmp_path / "a.gif"
    flags = ["--walk", "1,2", "--frames", "2", "--num", "1", "--out", str(out)]
    assert main(["animate", "--workdir", str(kept), *flags]) == 0
    assert capsys.readouterr().out == f"{out}: 2 frames, between seeds 1, 2; step 36\n"


def test_saved_pictures_come_in_the_order_of_the_training_with_their_places(tmp_path):
    (tmp_path / layout.SAMPLES).mkdir()
    # Five steps of 64 images make an epoch: 3,199,680 and 3,200,000 images, and one between them.
    for name in ("epoch_10000", "images_003199936", "epoch_9999", "epoch_0004_mine", "my_1"):
        (tmp_path / layout.SAMPLES / f"{name}.png").touch()
    grids = saved_grids(tmp_path, TrainConfig(batch_size=64), steps_per_epoch=5)
    places = [(grid.step, grid.position) for grid in grids]
    assert places == [
        (49_995, "epoch 9999"),
        (49_999, "3,199,936 images"),
        (50_000, "epoch 10000"),
    ]
