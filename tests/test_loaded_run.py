"""A loaded run: what its methods give, and what a notebook shows of it."""

import base64
import dataclasses
import doctest
import html
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan.cli.main import main
from jaxgan.config.errors import UserError
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, DataConfig, TrainConfig
from jaxgan.evaluation.text_table import table
from jaxgan.export.samples import Samples
from jaxgan.notebook import run as notebook_run
from jaxgan.runs import layout
from jaxgan.training.loop import train
from tests import figure_data, tiny

SMALL = {"latent_size": 5, "gen_widths": (7,), "disc_widths": (6,)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the run of the examples: MNIST, 20 steps."""
    folder = tmp_path_factory.mktemp("notebook")
    config = Config(
        data=DataConfig(name="mnist"),
        network=NetworkConfig(**SMALL),
        train=TrainConfig(epochs=1, batch_size=3000),
    )
    train(config, folder / "runs" / "mnist")
    return folder


@pytest.fixture(scope="module")
def conditional(data, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "conditional"
    network = NetworkConfig(conditional=True, **SMALL)
    train(dataclasses.replace(tiny.config(data, epochs=1), network=network), workdir)
    return workdir


def opened(png):
    return Image.open(io.BytesIO(png))


def test_the_examples_in_the_docstrings_hold(folder, monkeypatch):
    monkeypatch.chdir(folder)
    failed, run = doctest.testmod(notebook_run)
    assert failed == 0
    assert run >= 10
    assert opened((folder / "nine.png").read_bytes()).width == 3 * 58 + 2


def test_a_loaded_run_is_still_a_tuple_of_three(conditional):
    config, gan, state = run = jaxgan.load_run(conditional)
    assert (run.config, run.gan, run.state) == (config, gan, state)
    assert len(run) == 3
    assert int(state.step) == 12
    pixels = jaxgan.sample_pixels(gan, state.gen.params, state.gen.stats, 3, state.key)
    assert pixels.shape == (3, 6, 6, 1)


def test_samples_are_those_of_the_command(conditional, tmp_path):
    out = tmp_path / "samples.npz"
    run = jaxgan.load_run(str(conditional))
    base = ["sample", "--workdir", str(conditional), "--out", str(out)]
    for flags, samples in (
        (["--num", "5", "--seed", "3", "--labels", "2,7"], run.sample(5, 3, labels=[2, "7"])),
        (["--num", "12", "--interpolate", "1,2"], run.interpolate((1, 2), num=12)),
        (["--per_class", "2", "--truncation", "0.5"], run.sample(per_class=2, truncation=0.5)),
    ):
        assert main([*base, *flags]) == 0
        with np.load(out) as file:
            want = dict(file)
        np.testing.assert_array_equal(samples, want["images"])
        np.testing.assert_array_equal(samples.labels, want["labels"])
        assert main([*base[:-1], str(tmp_path / "grid.png"), *flags]) == 0
        drawn = np.asarray(Image.open(tmp_path / "grid.png"))
        np.testing.assert_array_equal(opened(samples._repr_png_()), drawn)


def test_samples_serve_as_an_array(conditional):
    samples = jaxgan.load_run(conditional).sample(3, labels=4)
    assert len(samples) == 3
    assert samples[1:].shape == (2, 6, 6, 1)
    assert np.asarray(samples, np.float32).dtype == np.float32
    assert samples.labels.tolist() == [4, 4, 4]
    assert repr(samples) == "Samples(3 images of shape (6, 6, 1))"


def test_grid_and_curves_are_pictures_that_can_be_saved(conditional, tmp_path):
    run = jaxgan.load_run(conditional)
    grid = run.grid(4, seed=1)
    grid.save(tmp_path / "grid.png")
    assert (tmp_path / "grid.png").read_bytes() == grid._repr_png_() == run.grid(4, 1).png
    assert len(repr(grid)) < 20
    assert run.curves().png == (conditional / layout.CURVES).read_bytes()


def test_scores_are_shown_as_the_table_of_the_command(folder):
    run = jaxgan.load_run(folder / "runs" / "mnist")
    scores = run.evaluate(num_samples=20, metrics=["frechet"])
    assert scores["protocol"]["num_samples"] == 20
    assert str(scores) == table(scores)
    assert html.unescape(scores._repr_html_()) == f"<pre>{table(scores)}</pre>"


def test_a_run_that_is_trained_on_is_scored_at_the_step_that_was_loaded(conditional, monkeypatch):
    asked = []
    monkeypatch.setattr(notebook_run, "evaluate", lambda *options: asked.append(options[2]) or {})
    run = jaxgan.load_run(conditional)
    run.evaluate()
    monkeypatch.setattr(notebook_run.checkpoints, "steps", lambda folder: [12, 24])
    run.evaluate()
    assert asked == ["last", 12]


def test_points_are_drawn_over_the_data():
    points = np.zeros((50, 2), np.float32)
    samples = Samples(points, None, 0, DataConfig(name="ring"))
    assert repr(samples) == "Samples(50 points of shape (2,))"
    with figure_data.drawn_figures():
        assert opened(samples._repr_png_()).width > 500


def test_what_a_run_cannot_give_is_said_in_one_line(conditional, tmp_path):
    run = jaxgan.load_run(conditional)
    with pytest.raises(UserError, match="--labels: 11: must be from 0 to 9"):
        run.sample(4, labels=11)
    with pytest.raises(UserError, match="num = 0: must be 1 or more"):
        run.sample(0)
    with pytest.raises(UserError, match=r"seeds = \(3,\): must be two or more"):
        run.interpolate([3])
    with pytest.raises(UserError, match="holds no run"):
        jaxgan.load_run(tmp_path)
    with pytest.raises(UserError, match="no checkpoint of step 5"):
        jaxgan.load_run(conditional, 5)
    (conditional / layout.METRICS).rename(conditional / "moved")
    with pytest.raises(UserError, match="has no rows of metrics yet"):
        run.curves()
    (conditional / "moved").rename(conditional / layout.METRICS)


CELLS = (
    "import jaxgan\nconfig = jaxgan.load_run('runs/mnist').config\n"
    "jaxgan.train(config, 'runs/again', callbacks=[lambda step, metrics: print('at step', step)])",
    "jaxgan.load_run('runs/again').sample(4)",
)


@pytest.mark.slow
def test_a_notebook_shows_a_bar_and_pictures(folder, monkeypatch):
    import nbclient  # which other tests need not wait for
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(Path(jaxgan.__file__).parents[1]))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(x) for x in CELLS])
    client = nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(folder)}})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the client's own libraries
        client.execute()
    training, sampling = (cell.outputs for cell in notebook.cells)
    shown = "".join(output.get("text", "") for output in training)
    assert "100%" in shown
    assert "at step 20" in shown
    (output,) = sampling
    assert output.data["text/plain"] == "Samples(4 images of shape (28, 28, 1))"
    assert opened(base64.b64decode(output.data["image/png"])).width == 2 * 58 + 2
