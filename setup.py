"""Copies configs/ into the built package, where an installed `jaxgan --config mnist` reads them.

Everything else about the build is in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfigs(build_py):
    """The usual build of the package, and the shipped configs beside it."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # an editable install reads configs/ where it is
            target = Path(self.build_lib, "jaxgan", "shipped", "configs")
            shutil.copytree(
                "configs", target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
            )


setup(cmdclass={"build_py": BuildWithConfigs})
