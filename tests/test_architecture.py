"""The rooms of the package, and which may import which."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "jaxgan"
ROOMS = [  # a room imports from itself and from those before it
    "types",
    "config",
    "parallel",
    "data",
    "networks",
    "gan",
    "metrics",
    "runs",
    "plots",
    "evaluation",
    "reproducibility",
    "training",
    "reports",
    "export",
    "notebook",
    "bench",
    "cli",
]
PURE = ("types", "networks", "gan")  # open no file, read no clock, print nothing
WITHOUT_JAX = ("config",)
ONLY_IN = {
    "orbax": "runs",
    "matplotlib": "plots",
    "tensorflow_datasets": "data",
    "grain": "data",
    "tensorboardX": "training",
    "wandb": "training",
    "onnx": "export",
    "safetensors": "export",
    "torch": "bench",
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


def test_every_file_is_in_a_room():
    assert {room(path) for path in MODULES} == {*ROOMS, "__init__"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_down(path):
    if room(path) == "__init__":
        return
    for module in imports(path):
        if match := re.match(r"jaxgan\.(\w+)", module):
            target = match.group(1)
            if target != "__version__":
                assert ROOMS.index(target) <= ROOMS.index(room(path)), f"imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_each_outside_package_is_met_in_one_room(path):
    for module in imports(path):
        outside = module.split(".")[0]
        assert ONLY_IN.get(outside, room(path)) == room(path)
        assert outside not in ("jax", "flax", "optax") or room(path) not in WITHOUT_JAX


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_matplotlib_is_imported_where_a_figure_is_made(path):  # it would delay the first step
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("matplotlib") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("matplotlib")


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_pure_rooms_open_no_file_read_no_clock_and_print_nothing(path):
    if room(path) not in PURE:
        return
    names = {
        node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)
    }
    assert not names & {"open", "print", "time", "Path", "os"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_file_says_what_it_is_about(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def docstrings(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_docstrings_are_sentences_not_fragments(path):
    for text in docstrings(path):
        assert text.split(" ")[0] not in ("Of", "What", "Whether", "By"), text
