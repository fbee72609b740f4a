"""The notebooks, run from top to bottom; that for Colab again after a disconnect."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jaxgan.runs import row_files

ROOT = Path(__file__).parents[1]
COLAB, TUTORIAL = (ROOT / "notebooks" / f"{name}.ipynb" for name in ("colab", "tutorial"))
EXECUTE = "import sys; from nbclient.cli import main; sys.exit(main())"


def cells(path, kind="code"):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def executed(notebook, folder, **variables):
    """The notebook's code cells after running all of them, with these environment variables."""
    env = os.environ | {"JAXGAN_RUNS": str(folder), "JAX_PLATFORMS": "cpu"} | variables
    out = folder / "executed.ipynb"
    command = [sys.executable, "-c", EXECUTE, str(notebook), f"--output={out}", "--timeout=900"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return cells(out)


def pictures_of(cell):
    return [output for output in cell["outputs"] if "image/png" in output.get("data", {})]


def text_of(cell):
    return "".join("".join(output.get("text", [])) for output in cell["outputs"])


@pytest.mark.parametrize("notebook", [COLAB, TUTORIAL])
def test_a_notebook_is_kept_without_outputs(notebook):
    assert len(cells(notebook)) >= 5
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells(notebook))


@pytest.mark.slow
def test_the_notebook_trains_shows_samples_and_resumes(tmp_path):
    for epochs in (1, 2):
        options = f" --config.train.epochs={epochs}"
        _, _, devices, train, pictures, scores = executed(
            COLAB, tmp_path, JAXGAN_OPTIONS=options, JAXGAN_SCORED="--num_samples 100"
        )
        assert "cpu" in text_of(devices).lower()
        assert f"epoch {epochs}/{epochs}" in text_of(train)
        assert len(pictures_of(pictures)) == 2
        assert f"epoch_{epochs:04d}.png" in text_of(pictures)
        assert "against test images 1 to 100" in text_of(scores)
    assert "epoch 1/2" not in text_of(train)  # that was done before
    steps = [row["step"] for row in row_files.read_rows(tmp_path / "mnist")]
    assert steps[-1] == 2 * 937
    assert len(steps) == len(set(steps)) == 20


@pytest.mark.slow
def test_the_tutorial_shows_what_goes_wrong_and_what_helps(tmp_path):
    found = executed(TUTORIAL, tmp_path)
    # Two drawings of the mathematics, the curves, and the samples of each of six runs.
    assert sum(len(pictures_of(cell)) for cell in found) == 9
    tables = [text_of(cell).splitlines()[1:] for cell in found if "run   " in text_of(cell)]
    modes = {line.split()[0]: float(line.split()[1]) for line in tables[0]}
    assert modes["collapsed"] <= 2
    assert modes["repaired"] == 8
    distances = {line.split()[0]: float(line.split()[1]) for line in tables[1]}
    assert distances["d_does_not_win"] < distances["d_wins"] / 2
