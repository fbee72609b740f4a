"""The config files: those of the project, and what a file may and may not do."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jaxgan.config.checks import check_horizon
from jaxgan.config.errors import UserError
from jaxgan.config.files import load_config, shipped_configs
from jaxgan.config.warnings import config_warnings
from jaxgan.runs.plan import ema_halvings, images_in_run, make_step_plan
from tests.shipped import data_of

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "configs").glob("*.py"))


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_every_config_file_loads_and_says_how_to_run_it(path):
    if path.stem.startswith("features"):
        pytest.skip("settings of a feature net, not of a run")
    config = load_config(path, [])
    plan = make_step_plan(config.train, data_of(config).examples)
    images = images_in_run(config.train, plan)
    check_horizon(config, images)
    halvings = ema_halvings(config, images)
    assert config_warnings(config, images=images, ema_halvings=halvings) == []
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert f"python run.py --config configs/{path.name}" in docstring
    assert re.search(r"\d (s|min)\b", docstring), "how long it takes"
    assert re.search(r"\bseeds?\b", docstring, re.IGNORECASE), "the result"


def test_a_config_file_may_edit_that_of_another_from_wherever_it_is_called(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "first.py").write_text((ROOT / "configs" / "mnist.py").read_text())
    text = (
        "from mine import first\n\ndef get_config():\n    c = first.get_config()\n    c.seed = 9\n"
    )
    (tmp_path / "mine" / "second.py").write_text(text + "    return c\n")
    before = list(sys.path)
    assert load_config(tmp_path / "mine" / "second.py", []).seed == 9
    assert sys.path == before


def test_a_config_file_anywhere_may_edit_a_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "from configs import mnist\n\ndef get_config():\n    c = mnist.get_config()\n"
    Path("mine.py").write_text(f"{text}    c.seed = 9\n    return c\n")
    assert load_config(Path("mine.py"), []).seed == 9


def test_a_name_alone_is_that_of_a_shipped_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config(Path("dcgan_small"), []).network.gen_channels == 16
    Path("dcgan_small").write_text("")
    with pytest.raises(UserError, match="not a Python file"):
        load_config(Path("dcgan_small"), [])
    with pytest.raises(UserError, match=r"neither a file nor a shipped config; did you mean mnist"):
        load_config(Path("mnst"), [])
    with pytest.raises(UserError, match=r"no such file; in that folder: no \.py file"):
        load_config(Path("mnist.py"), [])


def test_every_shipped_config_is_listed_with_its_first_line():
    listed = shipped_configs()
    assert set(listed) == {p.stem for p in PATHS if not p.stem.startswith("features")}
    assert all(line.endswith(".") for line in listed.values())


@pytest.mark.slow
def test_the_wheel_holds_the_shipped_configs(tmp_path):
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    source = tmp_path / "source"  # building writes into the source folder
    for name in ("jaxgan", "configs"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("jaxgan-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", tmp_path / "site", wheel], check=True)
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    program = "import sys; from jaxgan.cli.main import main; sys.exit(main(['configs']))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(shipped_configs())


def test_a_config_file_that_fails_is_named_with_the_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.py"
    for text, named in (
        ("def get_config():\n    return 1 / 0", "line 2: ZeroDivisionError: division by zero"),
        ("\n\nsyntax error", "line 3: SyntaxError"),
        ("import nothing_of_this_name", "line 1: ModuleNotFoundError: No module named"),
        ("raise ValueError", "line 1: ValueError: ValueError()"),
        ("raise KeyError('')", "line 1: KeyError: KeyError('')"),
        ("raise ValueError('\\n')", r"line 1: ValueError: ValueError('\n')"),
        ("\nimport ast\nast.literal_eval('1 +')", "line 3: SyntaxError: invalid syntax"),
        ("\nraise SyntaxError('hm')", "line 2: SyntaxError: hm"),
    ):
        path.write_text(text)
        for called in (path, Path("bad.py")):
            with pytest.raises(UserError, match=re.escape(f"bad.py, {named}")):
                load_config(called, [])
    path.write_text("x = 1")
    with pytest.raises(UserError, match=r"bad\.py: AttributeError: .*get_config"):
        load_config(path, [])


@pytest.mark.parametrize("line", ["c.train.epoch = 3", "c.train.epochs = c.train.epoch"])
def test_a_misspelled_setting_in_a_config_file_is_an_error_of_one_line(line, tmp_path):
    path = tmp_path / "typo.py"
    head = "from jaxgan.config import default_config\n\n\ndef get_config():\n"
    path.write_text(f"{head}    c = default_config()\n    {line}\n    return c\n")
    with pytest.raises(UserError) as caught:
        load_config(path, [])
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "typo.py, line 6: AttributeError: " in message
    assert message.endswith('Did you mean "epochs" instead of "epoch"?')
    assert "\\" not in message
