"""The notebook, run from top to bottom as Colab runs it, and again after a disconnect."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jaxgan.runs import row_files

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "colab.ipynb"
EXECUTE = "import sys; from nbclient.cli import main; sys.exit(main())"


def cells(path, kind="code"):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def executed(folder, epochs):
    """The notebook's code cells after running all of them, with so many epochs."""
    options = f" --config.train.epochs={epochs}"
    env = os.environ | {"JAXGAN_RUNS": str(folder), "JAXGAN_OPTIONS": options}
    env |= {"JAXGAN_SCORED": "--num_samples 100", "JAX_PLATFORMS": "cpu"}
    out = folder / "executed.ipynb"
    command = [sys.executable, "-c", EXECUTE, str(NOTEBOOK), f"--output={out}"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return cells(out)


def text_of(cell):
    return "".join("".join(output.get("text", [])) for output in cell["outputs"])


def test_the_notebook_is_kept_without_outputs():
    assert len(cells(NOTEBOOK)) >= 5
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells(NOTEBOOK))


@pytest.mark.slow
def test_the_notebook_trains_shows_samples_and_resumes(tmp_path):
    for epochs in (1, 2):
        _, _, devices, train, pictures, scores = executed(tmp_path, epochs)
        assert "cpu" in text_of(devices).lower()
        assert f"epoch {epochs}/{epochs}" in text_of(train)
        shown = [output for output in pictures["outputs"] if "image/png" in output.get("data", {})]
        assert len(shown) == 2
        assert f"epoch_{epochs:04d}.png" in text_of(pictures)
        assert "against test images 1 to 100" in text_of(scores)
    assert "epoch 1/2" not in text_of(train)  # that was done before
    steps = [row["step"] for row in row_files.read_rows(tmp_path / "mnist")]
    assert steps[-1] == 2 * 937
    assert len(steps) == len(set(steps)) == 20
