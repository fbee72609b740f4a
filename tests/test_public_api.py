"""What `import jaxgan` promises, and what it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jaxgan


def test_importing_jaxgan_imports_nothing_that_takes_long():
    code = "import sys, jaxgan; dir(jaxgan); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "jaxgan" in done.stdout.split()
    assert not {"jax", "flax", "numpy", "ml_collections"} & set(done.stdout.split())


@pytest.mark.parametrize("name", jaxgan.__all__)
def test_every_public_name_can_be_used(name):
    assert callable(getattr(jaxgan, name))
    assert name in dir(jaxgan)


def test_type_checkers_are_shown_every_public_name():
    tree = ast.parse(Path(jaxgan.__file__).read_text())
    shown = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("jaxgan."):
            shown |= {alias.name: node.module for alias in node.names}
    assert shown == jaxgan._MODULES
    assert sorted(shown) == sorted(jaxgan.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = jaxgan.nothing
