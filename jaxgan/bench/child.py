"""Processes that the bench starts, to measure them from their beginning."""

import os
import sys
from pathlib import Path

PACKAGE_PARENT = Path(__file__).parents[2]


def python_command(*arguments: str) -> list[str]:
    """Returns the command that runs this Python with these arguments."""
    return [sys.executable, *arguments]


def child_environment(**variables: str) -> dict[str, str]:
    """Returns the environment of a child that imports the same jaxgan, and shares a GPU."""
    # A checkout that is not installed is found through `sys.path` of this process only.
    paths = [str(PACKAGE_PARENT), os.environ.get("PYTHONPATH", "")]
    shared = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    # This process may hold three quarters of the memory of the GPU.
    shared["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    return {**os.environ, **shared, **variables}
