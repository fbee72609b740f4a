"""The config files: those of the project, and what a file may and may not do."""

import ast
import re
import sys
from pathlib import Path

import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.files import load_config
from jaxgan.config.warnings import config_warnings
from jaxgan.data import DATASETS
from jaxgan.runs.plan import check_horizon, long_average, make_step_plan

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.py")), ids=lambda p: p.stem)
def test_every_config_file_loads_and_says_how_to_run_it(path):
    if path.stem.startswith("features"):
        pytest.skip("settings of a feature net, not of a run")
    config = load_config(path, [])
    schedule = make_step_plan(config.train, DATASETS[config.data.name].examples["train"])
    check_horizon(config, schedule)
    assert config_warnings(config) == []
    assert long_average(config, schedule) == ""
    says = ast.get_docstring(ast.parse(path.read_text()))
    assert f"python run.py --config configs/{path.name}" in says
    assert re.search(r"\d (s|min)\b", says), "how long it takes"
    assert re.search(r"\bseeds?\b", says, re.IGNORECASE), "what comes of it"


def test_a_config_file_may_edit_that_of_another_from_wherever_it_is_called(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "first.py").write_text((ROOT / "configs" / "mnist.py").read_text())
    text = (
        "from mine import first\n\ndef get_config():\n    c = first.get_config()\n    c.seed = 9\n"
    )
    (tmp_path / "mine" / "second.py").write_text(text + "    return c\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    assert load_config(tmp_path / "mine" / "second.py", []).seed == 9
    assert sys.path == [*before, str(tmp_path)]  # after all others


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
def test_a_setting_that_a_config_file_misspells_is_told_in_one_line(line, tmp_path):
    path = tmp_path / "typo.py"
    head = "from jaxgan.config import default_config\n\n\ndef get_config():\n"
    path.write_text(f"{head}    c = default_config()\n    {line}\n    return c\n")
    with pytest.raises(UserError) as caught:
        load_config(path, [])
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert "typo.py, line 6: AttributeError: " in said
    assert said.endswith('Did you mean "epochs" instead of "epoch"?')
    assert "\\" not in said
