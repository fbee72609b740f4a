"""The config files: those of the project, and what a file may and may not do."""

import ast
import re
import sys
from pathlib import Path

import pytest

from jaxgan.config import UserError
from jaxgan.config_file import load_config
from jaxgan.data import DATASETS
from jaxgan.doubts import doubts
from jaxgan.schedule import check_horizon, long_average, make_schedule

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.py")), ids=lambda p: p.stem)
def test_every_config_file_loads_and_says_how_to_run_it(path):
    if path.stem.startswith("features"):
        pytest.skip("settings of a feature net, not of a run")
    config = load_config(path, [])
    schedule = make_schedule(config.train, DATASETS[config.data.name].examples["train"])
    check_horizon(config, schedule)
    assert doubts(config) == [] == list(filter(None, [long_average(config, schedule)]))
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


def test_a_config_file_that_fails_is_named(tmp_path):
    for text in ("def get_config(): return 1 / 0", "syntax error", "x = 1"):
        (tmp_path / "bad.py").write_text(text)
        with pytest.raises(UserError, match=r"bad\.py: \w+Error"):
            load_config(tmp_path / "bad.py", [])
