"""The house: which module may import which, and how large a room may be."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "jaxgan"
LAYERS = {  # a module imports from its own layer or a lower one
    "apart": 2,
    "cli": 7,
    "joining": 6,
    "processes": 6,
    "starting": 6,
    "following": 6,
    "ending": 6,
    "flags": 6,
    "report": 6,
    "evaluate_seeds": 6,
    "ensemble": 6,
    "lockstep": 6,
    "train": 6,
    "run_directory": 6,
    "best": 6,
    "monitor": 6,
    "sample": 6,
    "evaluate": 6,
    "scores": 5,
    "table": 5,
    "summary": 5,
    "members": 5,
    "comparison": 5,
    "bench": 6,
    "bench_pytorch": 6,
    "data": 5,
    "feed": 5,
    "checkpoints": 5,
    "records": 5,
    "plots": 5,
    "progress": 5,
    "selection": 5,
    "silence": 5,
    "signals": 5,
    "metrics": 5,
    "steps": 4,
    "updates": 4,
    "sampling": 4,
    "ledger": 5,
    "replay": 6,
    "parting": 6,
    "compare": 6,
    "compare_seeds": 6,
    "differences": 5,
    "contrast": 5,
    "fingerprints": 2,
    "state": 3,
    "losses": 2,
    "penalties": 2,
    "augment": 2,
    "anneal": 2,
    "optimizers": 2,
    "networks": 2,
    "mesh": 2,
    "shards": 2,
    "precision": 2,
    "schedule": 2,
    "seeds": 2,
    "types": 1,
    "config_file": 2,
    "doubts": 2,
    "optimizer_config": 1,
    "config": 1,
    "network_config": 1,
    "data_config": 1,
    "parallel_config": 1,
    "settings": 1,
    "determinism": 1,
    "last_words": 1,
    "compile_cache": 1,
}
ONLY_IN = {
    "orbax": "checkpoints",
    "matplotlib": "plots",
    "tensorflow_datasets": "data",
    "grain": "data",
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_down(path):
    if room(path) == "__init__":
        return
    for module in imports(path):
        if match := re.match(r"jaxgan\.(\w+)", module):
            target = match.group(1)
            if target != "__version__":
                assert LAYERS[target] <= LAYERS[room(path)], f"{path.name} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_each_outside_package_is_met_in_one_room(path):
    for module in imports(path):
        outside = module.split(".")[0]
        assert ONLY_IN.get(outside, room(path)) == room(path)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_pure_layers_open_no_file_read_no_clock_and_print_nothing(path):
    if room(path) in ("__init__", "config_file") or not 2 <= LAYERS[room(path)] <= 4:
        return
    names = {
        node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)
    }
    assert not names & {"open", "print", "time", "Path", "os"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_rooms_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 45, f"{node.name} is too long"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_file_says_what_it_is_about(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
