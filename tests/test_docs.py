"""The changes on docs/extending.md and the example of the README, done as they say."""

import dataclasses
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from jaxgan.config import Config, NetworkConfig, TrainConfig
from jaxgan.config.reference import settings_table
from jaxgan.metrics import FeatureNet
from jaxgan.runs import row_files

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXTENDING = (ROOT / "docs" / "extending.md").read_text()
ADDITIONS = re.findall(r"```diff\n(.*?)```", EXTENDING, re.DOTALL)
MAX_LINES = 10
ADDED = (
    "--config.loss=pearson",
    "--config.penalty.drift=0.001",
    "--config.network.name=linear",
    "--config.data.name=bars",
)


def apply(changes: str, folder: Path) -> None:
    """Added lines go before the next line of context, or after the last."""
    for part in re.split(r"^--- ", changes, flags=re.MULTILINE)[1:]:
        name, *edits = part.splitlines()
        lines, position, added = (folder / name).read_text().splitlines(), 0, []
        for edit in edits:
            if edit.startswith("+"):
                added.append(edit[1:])
                continue
            index = lines.index(edit[1:], position)
            lines[index:index] = added
            position, added = index + len(added) + 1, []
            if edit.startswith("-"):
                position -= 1
                del lines[position]
        lines[position:position] = added
        (folder / name).write_text("\n".join(lines) + "\n")


def test_the_readmes_example_trains_an_epoch_and_draws_images():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    quick = example.replace("config = jaxgan.Config()", "config = small_config()")
    assert quick != example
    names = {"small_config": small_config}
    exec(compile(quick, "README.md", "exec"), names)
    assert names["pixels"].shape == (64, 28, 28, 1)
    assert names["output"].metrics["disc/loss"].shape == (10,)


class StubTensor(np.ndarray):
    """As much of PyTorch's tensor as the example of a feature net uses."""

    def permute(self, *axes):
        return self.transpose(axes)

    def float(self):
        return self.astype(np.float32)

    def expand(self, *shape):
        sizes = [own if new == -1 else new for own, new in zip(self.shape, shape, strict=True)]
        return np.broadcast_to(self, sizes, subok=True)

    def view(self, *shape):
        return self.reshape(shape) if isinstance(shape[0], int) else super().view(*shape)

    def clamp(self, low, high):
        return self.clip(low, high)

    def numpy(self):
        return np.asarray(self)


def stub_torch():
    """Returns a module that stands for PyTorch, with a DINOv2 of random numbers."""

    def model(images):
        assert images.shape[1:] == (3, 224, 224)
        assert np.abs(images).max() < 3
        return images.mean(axis=(2, 3)) @ np.ones((3, 384))

    def interpolate(images, size, mode, antialias):
        assert (mode, antialias) == ("bicubic", True)
        return np.resize(images, (*images.shape[:2], *size)).view(StubTensor)

    return types.SimpleNamespace(
        hub=types.SimpleNamespace(load=lambda *names: types.SimpleNamespace(eval=lambda: model)),
        nn=types.SimpleNamespace(functional=types.SimpleNamespace(interpolate=interpolate)),
        tensor=lambda values: np.array(values, np.float32).view(StubTensor),
        from_numpy=lambda array: array.view(StubTensor),
        inference_mode=lambda: lambda function: function,
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_the_example_of_a_feature_net_gives_features_of_grey_and_colour(channels, monkeypatch):
    *_, example = re.findall(r"```python\n(.*?)```", EXTENDING, re.DOTALL)
    monkeypatch.setitem(sys.modules, "torch", stub_torch())
    names = {}
    exec(compile(example, "extending.md", "exec"), names)
    net = FeatureNet("dino:embed", "dino:embed", 0, names["embed"], batch_size=2)
    pixels = np.full((3, 8, 6, channels), 200, np.uint8)
    assert net.extract(pixels).features.shape == (3, 384)


def small_config():
    network = NetworkConfig(gen_widths=(8,), disc_widths=(8,))
    return dataclasses.replace(Config(), network=network, train=TrainConfig(batch_size=6_000))


@pytest.mark.parametrize("changes", ADDITIONS)
def test_each_addition_is_of_few_lines(changes):
    added = [line for line in changes.splitlines() if re.match(r"\+.*\S", line)]
    assert 0 < len(added) < MAX_LINES


def test_a_loss_a_penalty_a_network_and_a_data_set_are_added_as_the_docs_say(tmp_path):
    shutil.copytree(ROOT / "jaxgan", tmp_path / "jaxgan")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copy(ROOT / "run.py", tmp_path)
    shutil.copytree(ROOT / "tests", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert len(ADDITIONS) == 4
    for changes in ADDITIONS:
        apply(changes, tmp_path)
    settings = ("epochs=1", "batch_size=500", "logs_per_epoch=2")
    command = [sys.executable, "run.py", "--config", "configs/mnist.py", "--workdir", "run"]
    command += [f"--config.train.{setting}" for setting in settings]
    command += [*ADDED, "--config.evaluate.every=0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = row_files.read_rows(tmp_path / "run")
    assert [row["step"] for row in rows] == [10, 20]
    assert rows[-1]["disc/drift"] > 0
    assert rows[-1]["disc/loss"] is not None
    names = ("test_losses", "test_penalties", "test_networks", "test_config", "data/test_examples")
    tables = [f"tests/{name}.py" for name in names]
    command = [sys.executable, "-m", "pytest", "-vv", "-n", "0", "-p", "no:cacheprovider", *tables]
    command += ["-k", "pearson or drift or linear or bars or table or of_gradients"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    assert all(f"[{name}" in done.stdout for name in ("pearson", "drift", "linear", "bars"))


def test_the_settings_page_is_the_generated_one():
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert settings_table() in page, "run: python -m jaxgan.config.reference"
