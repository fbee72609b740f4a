"""The progress lines of a run, and the bar on a terminal."""

import io
import logging
import os
import re
import sys
import types

import numpy as np
import pytest

from jaxgan.cli.messages import show_log
from jaxgan.config.schema import TrainConfig
from jaxgan.training import progress as progress_module
from jaxgan.training.progress import Progress, SharedProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    # Older versions of tqdm take the width of a terminal without a file from these.
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LINES", "50")


def row(step, disc=0.5, gen=1.25):
    return {"step": step, "disc/loss": disc, "gen/loss": gen}


def test_without_a_terminal_there_is_one_line_per_epoch(capsys):
    progress = Progress(0, TrainConfig(epochs=2), 40)
    for step in (10, 20, 30, 40):
        progress.update(1 + (step > 20), row(step), ends_interval=step % 20 == 0)
    progress.close()
    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"epoch 1/2: \d\d:\d\d left, D loss 0\.500, G loss 1\.250, \d+ steps/s", first
    )
    assert second.startswith("epoch 2/2: ")


def test_a_run_whose_length_is_in_images_shows_images(capsys):
    progress = Progress(0, TrainConfig(images=100, batch_size=8), 13)
    progress.update(1, row(7), ends_interval=True)
    assert capsys.readouterr().err.startswith("56/104 images: D loss")


def test_the_kernel_of_a_notebook_shows_a_bar_too(monkeypatch):
    kernel = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: kernel))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = Progress(0, TrainConfig(epochs=2), 20)
    progress.update(1, row(10), ends_interval=True)
    progress.close()
    assert re.search(r"epoch 1/2.*50%.*D loss 0\.500, G loss 1\.250", sys.stderr.getvalue())


def test_on_a_terminal_there_is_a_bar_with_epoch_speed_time_left_and_losses(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(0, TrainConfig(epochs=3), 30)
    progress.update(1, row(10), ends_interval=True)
    progress.update(2, row(20), ends_interval=True)
    progress.close()
    text = sys.stderr.getvalue()
    assert "compiling" in text
    shown = r"epoch 2/3: +67%, \d\d:\d\d left, D loss 0\.500, G loss 1\.250, \d+ steps/s \|"
    assert re.search(shown, text)


def test_80_columns_hold_the_losses_and_the_distance(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(0, TrainConfig(epochs=50), 5000)
    progress._bar.ncols, progress._bar.dynamic_ncols = 80, None
    distance = {"eval/frechet/test/n2000/mnist": 2.5}
    progress.update(12, row(1100), ends_interval=True)
    progress.update(12, row(1200) | distance, ends_interval=True)
    progress.close()
    last = re.split(r"[\r\n]", sys.stderr.getvalue().rstrip())[-1]
    assert len(last) <= 80
    assert "D loss 0.500, G loss 1.250, Fréchet 2.500" in last


def test_on_a_terminal_the_first_losses_do_not_wait_for_the_chunk(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(0, TrainConfig(epochs=2), 2000)
    progress.show_steps(1, 3, {"disc/loss": np.array([1.0, 2.0]), "gen/loss": np.array([np.nan])})
    progress.close()
    assert re.search(r"epoch 1/2.*D loss 1\.500, G loss not finite", sys.stderr.getvalue())


def test_the_bar_is_not_drawn_for_every_call_of_a_fast_stream(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    now = [10.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    progress = Progress(0, TrainConfig(), 2000)
    for step, seconds in ((1, 0.0), (2, 0.05), (3, 0.2)):
        now[0] = 10 + seconds
        metrics = {"disc/loss": np.full(1, float(step)), "gen/loss": np.ones(1)}
        progress.show_steps(1, step, metrics)
    shown = sys.stderr.getvalue()
    assert "D loss 1.000" in shown
    assert "D loss 2.000" not in shown
    assert "D loss 3.000" in shown


def test_without_a_terminal_nothing_is_shown_within_a_chunk(capsys):
    metrics = {"disc/loss": np.ones(2), "gen/loss": np.ones(2)}
    Progress(0, TrainConfig(), 2000).show_steps(1, 3, metrics)
    assert capsys.readouterr().err == ""


def test_of_several_runs_the_median_of_those_that_go_on_is_shown(monkeypatch):
    losses = np.array([[1.0, 3.0], [5.0, 5.0], [9.0, 9.0], [np.nan, np.nan]])  # runs, steps
    metrics = {"disc/loss": losses, "gen/loss": losses / 2}
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = SharedProgress(0, TrainConfig(), 2000, seeds=(0, 1, 2, 3))
    progress.show_steps(1, 3, metrics)
    progress.close()
    assert "D loss 5.000, G loss 2.500" in sys.stderr.getvalue()


def test_the_last_distance_stays_until_the_next_row(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(0, TrainConfig(epochs=3), 30)
    distance = {"eval/frechet/test/n2000/mnist": 2.5}
    progress.update(1, row(10) | distance, ends_interval=True)
    metrics = {"disc/loss": np.ones(2), "gen/loss": np.ones(2)}
    progress.show_steps(2, 12, metrics)
    progress.close()
    assert sys.stderr.getvalue().rstrip().splitlines()[-1].count("2.500") == 1


def test_a_loss_that_is_not_finite_is_called_so(capsys):
    progress = Progress(0, TrainConfig(epochs=1), 10)
    progress.update(1, row(10, disc=None), ends_interval=True)
    assert "D loss not finite" in capsys.readouterr().err


def test_a_run_goes_on_when_standard_error_was_closed(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    show_log()
    with os.fdopen(writer, "w") as closed:
        monkeypatch.setattr(sys, "stderr", closed)
        for line in ("lost", "lost too"):
            logging.getLogger("jaxgan.training").info(line)
