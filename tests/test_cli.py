"""The command line as users run it, most of it in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.cli import results
from jaxgan.cli.main import main
from jaxgan.cli.verbs import VERBS
from jaxgan.config.errors import UserError
from jaxgan.config.files import load_config
from jaxgan.config.schema import Config, ScheduleConfig
from jaxgan.runs import checkpoints, row_files
from jaxgan.training import loop
from jaxgan.training.loop import TrainResult
from tests import tiny

ROOT = Path(__file__).parent.parent
CONFIG = str(ROOT / "configs" / "mnist.py")
TINY = (
    "--config.network.gen_widths=(7,)",
    "--config.network.disc_widths=(6,)",
    "--config.train.batch_size=8",
    "--config.data.name=tiny",
    "--config.data.source=idx",
    "--config.evaluate.every=0",
)


def start(*arguments, **options):
    command = [sys.executable, str(ROOT / "run.py"), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **pipes | options)


def run(*arguments):
    process = start(*arguments)
    out, err = process.communicate(timeout=180)
    return process.returncode, out, err


WRONG = {
    "a typo in a flag": (["--confg", "x"], "--confg"),
    "a typo in a setting": (["--config", CONFIG, "--config.train.epoch=3"], "train.epochs"),
    "a setting without a value": (["--config", CONFIG, "--config.seed"], "--config.seed=VALUE"),
    "a missing config": (["--config", "configs/mnst.py"], "configs/mnist.py"),
    "no config": ([], "--config configs/mnist.py"),
    "an unknown verb": (["trian"], "verbs: train, configs, prepare, sample"),
    "a bad value": (["--config", CONFIG, "--config.train.epochs=-1"], "at least 1"),
    "a word for a number": (["--config", CONFIG, "--config.seed=one"], "must be a whole number"),
    "nan": (["--config", CONFIG, "--config.optimizer.gen.learning_rate=nan"], "learning_rate"),
    "an unknown network": (["--config", CONFIG, "--config.network.name=vae"], "mlp, dcgan, sngan"),
    "an unknown penalty": (["--config", CONFIG, "--config.penalty.gp=1.0"], "penalty has: r1, r2"),
    "an unknown schedule": (["--config", CONFIG, "--config.schedule.lr=()"], "learning_rate"),
    "an unknown augmentation": (
        ["--config", CONFIG, "--config.augment.policy=('blur',)"],
        "brightness, saturation",
    ),
    "a penalty beside batch norm": (
        ["--config", CONFIG, "--config.network.name=dcgan", "--config.penalty.r1=1.0"],
        "config.network.disc_norm to none or spectral",
    ),
    "packs that do not fill a batch": (["--config", CONFIG, "--config.packing=3"], "must divide"),
    "an unknown loss": (["--config", CONFIG, "--config.loss=hing"], "non_saturating, saturating"),
    "a file as work directory": (["--config", CONFIG, "--workdir", CONFIG], "is a file"),
    "a work directory that cannot be": (["--config", CONFIG, "--workdir", "/proc/x/y"], "/proc"),
    "a seed twice": (["--config", CONFIG, "--config.seeds=(1, 1)"], "different seeds"),
    "report without a run": (["report", "--workdir", "nowhere"], "holds no run"),
    "sample without a run": (["sample", "--workdir", "nowhere"], "holds no run"),
    "sample of nothing": (["sample", "--workdir", "x", "--num", "0"], "1 to"),
    "sample of many": (["sample", "--workdir", "x", "--num", "many"], "many"),
    "a seed too large": (["sample", "--workdir", "x", "--seed", "4294967296"], "4294967295"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_user_error_is_one_line_and_exit_status_2(name, capsys, monkeypatch):
    arguments, named = WRONG[name]
    monkeypatch.chdir(ROOT)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert named in err


@pytest.mark.parametrize("name", ["a typo in a flag", "a missing config", "a bad value"])
def test_a_user_error_is_printed_without_importing_jax(name):
    process = start(*WRONG[name][0], env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"})
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert "Traceback" not in err
    imported = set(re.findall(r"\|\s+([\w.]+)$", err, re.MULTILINE))
    assert "jaxgan.config.schema" in imported
    assert not imported & {"jax", "flax", "orbax", "matplotlib", "tensorflow_datasets"}


def test_help_explains_the_verbs(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    out = capsys.readouterr().out
    assert all(verb in out for verb in (*VERBS, "--config.NAME=VALUE"))


def test_warnings_of_pil_about_image_files_are_hidden():
    assert main(["configs"]) == 0
    for module in ("PIL.Image", "PIL.TiffImagePlugin"):
        warnings.warn_explicit("odd", UserWarning, "file.py", 1, module)
    with pytest.raises(UserWarning, match="odd"):
        warnings.warn_explicit("odd", UserWarning, "file.py", 1, "numpy")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (["--config.network.name=dcgan"], "cannot make images of 30x30 pixels; it makes"),
        (["--config.network.conditional=True"], "the data set tiny has no labels"),
        (["--config.schedule.b2=((0,0.9),(1e6,0.5))"], "ends at 1000000.0 images; must be within"),
        (
            ["--config.evaluate.every=1", "--config.evaluate.features=mnst"],
            "unknown features 'mnst'",
        ),
    ],
    ids=["sizes that a network cannot make", "labels of data without", "a schedule", "features"],
)
def test_settings_that_do_not_fit_the_data_are_refused_before_anything_is_written(
    changes, named, tmp_path, capsys
):
    (tmp_path / "images").mkdir()
    for i in range(8):
        Image.fromarray(np.full((30, 30), i, np.uint8)).save(tmp_path / "images" / f"{i}.png")
    source = ["--config.data.source=folder", f"--config.data.dir={tmp_path / 'images'}"]
    own = ["--workdir", str(tmp_path / "run"), "--config.network.gen_widths=(256,512)"]
    arguments = ["--config", CONFIG, *TINY, *source, *own, "--config.network.disc_widths=(512,256)"]
    assert main([*arguments, *changes]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    *before, error = err.splitlines()
    assert [line[:12] for line in before] == ["data: 8 imag"]
    assert named in error
    assert not (tmp_path / "run").exists()


def test_a_probable_mistake_gives_a_warning_and_the_run_goes_on(data, tmp_path, capsys):
    own = [f"--config.data.dir={data}", "--workdir", str(tmp_path / "run")]
    mistakes = ["--config.ema.half_life=1000", "--config.augment.policy=('saturation',)"]
    assert main(["--config", CONFIG, *TINY, *own, "--config.train.epochs=1", *mistakes]) == 0
    err = capsys.readouterr().err
    assert "config.ema.half_life = 1000: is too long for the run's 96" in err
    assert "saturation has no effect on the grey images of tiny" in err


def test_a_config_file_of_another_kind_is_refused():
    with pytest.raises(
        UserError, match=r"returns FeatureConfig; it must return default_config\(\)"
    ):
        load_config(ROOT / "configs" / "features_mnist.py", [])


def wait_for(condition, process, timeout=120):
    end = time.monotonic() + timeout
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_signal_saves_and_names_the_command_that_resumes(data, tmp_path):
    arguments = [
        "--config",
        CONFIG,
        *TINY,
        f"--config.data.dir={data}",
        "--workdir",
        tmp_path / "r",
    ]
    arguments += ["--config.train.epochs=100000", "--config.save.every=100000"]
    process = start(*arguments)
    wait_for(lambda: len(row_files.read_rows(tmp_path / "r")) > 3, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in err
    (step,) = checkpoints.steps(tmp_path / "r" / "checkpoints")
    assert f"saved at step {step} of" in err
    assert f"{ROOT / 'run.py'} --config {CONFIG}" in err
    assert row_files.read_rows(tmp_path / "r")[-1]["step"] == step


def test_a_signal_saves_the_seed_that_trains_and_names_the_command_that_resumes_all(data, tmp_path):
    workdir = tmp_path / "seeds"
    arguments = ["--config", CONFIG, *TINY, f"--config.data.dir={data}", "--workdir", workdir]
    arguments += ["--config.train.epochs=100000", "--config.save.every=100000", "--config.seeds=2"]
    process = start(*arguments)
    wait_for(lambda: len(row_files.read_rows(workdir / "seed_0000")) > 3, process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    (step,) = checkpoints.steps(workdir / "seed_0000" / "checkpoints")
    assert f"saved: 0 of 2 seeds are at the last step, 1200000, seed 0 at step {step};" in err
    assert "--config.seeds=2" in err
    assert not (workdir / "seed_0001").exists()
    assert re.search(r"seed 0, epoch 2/100000: .*, \d+ steps/s", err)
    assert main(["report", "--workdir", str(workdir)]) == 0
    assert main(["sample", "--workdir", str(workdir)]) == 2


def test_a_run_without_a_terminal_prints_where_its_files_are(data, tmp_path, capsys):
    workdir = str(tmp_path / "run")
    arguments = ["--config", CONFIG, *TINY, f"--config.data.dir={data}", "--workdir", workdir]
    code, out, err = run(*arguments, "--config.train.epochs=2")
    assert code == 0
    shown = r"epoch 2/2: 00:00 left, D loss \d+\.\d+, G loss \d+\.\d+, \d+ steps/s"
    assert re.search(shown, err)
    assert [line.split()[0] for line in err.splitlines()] == ["data:", "epoch", "epoch", "no"]
    assert f"sample --workdir {workdir}" in out
    assert main([*arguments, "--config.train.epochs=2"]) == 0
    assert "already trained" in capsys.readouterr().out
    target = str(tmp_path / "s.npz")
    assert main(["sample", "--workdir", workdir, "--num", "3", "--out", target]) == 0
    assert np.load(target)["images"].shape == (3, tiny.SIDE, tiny.SIDE, 1)


def test_the_command_that_trains_longer_has_each_setting_once(monkeypatch):
    words = "--config mnist --config.train.epochs 1 --config.train.epochs=2 --workdir a"
    monkeypatch.setattr(sys, "argv", ["jaxgan", *words.split()])
    longer = results._command_with("--config.train.epochs", 4)
    assert longer == "jaxgan --config mnist --workdir a --config.train.epochs=4"


def test_a_finished_run_of_fixed_length_does_not_offer_a_longer_one(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["jaxgan", "--config", "images"])
    ended = TrainResult(9, 9, 9, signal=0, distances=None, diverged="")
    for unit, words in (
        ("images", "for more: jaxgan --config images --config.train.epochs=100"),
        ("run", "--config.start_from=runs/a with another --workdir begins a new run with its"),
    ):
        config = Config(schedule=ScheduleConfig(unit=unit, ema=((0, 0.0), (1, 1.0))))
        results.print_result(ended, Path("runs/a"), config)
        assert words in capsys.readouterr().out


def test_damaged_data_is_an_error_of_one_line_and_leaves_nothing(tmp_path, capsys):
    broken = tiny.write_data(tmp_path / "data")
    images = broken / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:100])
    workdir = tmp_path / "run"
    arguments = ["--config", CONFIG, *TINY, f"--config.data.dir={broken}"]
    assert main([*arguments, "--workdir", str(workdir)]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "train-images-idx3-ubyte.gz" in err
    assert not workdir.exists()


@pytest.mark.parametrize(("seeds", "at_once"), [(0, 0), (1, 2), (2, 1), (2, 2)])
def test_a_device_without_room_is_one_line(seeds, at_once, tmp_path, monkeypatch, capsys, data):
    def fail(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory\nallocating 1 byte")

    for name in ("train_epoch", "train_stacked_epoch"):
        monkeypatch.setattr(loop, name, tiny.replaced(getattr(loop, name), fail))
    seed_flags = [f"--config.seeds={seeds}", f"--config.train.seeds_at_once={at_once}"]
    arguments = ["--config", CONFIG, *TINY, f"--config.data.dir={data}", *seed_flags]
    assert main([*arguments, "--workdir", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert line.startswith("jaxgan: error: a device is out of memory (RESOURCE_EXHAUSTED: Out of")
    assert ("config.train.seeds_at_once" in line) == (seeds == at_once == 2)
