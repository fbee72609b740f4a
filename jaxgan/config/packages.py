"""Packages that a setting needs and that jaxgan does not install by itself."""

import importlib.util

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config

# By the setting of LogConfig: the module, and what to install.
PACKAGES = {"tensorboard": ("tensorboardX", "jaxgan[tensorboard]"), "wandb": ("wandb", "wandb")}


def check_packages(config: Config) -> None:
    """Checks that the packages are installed which the config's logs need.

    Only who trains needs them: a run that was logged is read without.

    Raises:
      UserError: one is not.
    """
    for name, (module, install) in PACKAGES.items():
        if getattr(config.log, name) and not importlib.util.find_spec(module):
            raise UserError(
                f"config.log.{name} = True: the package {module} is not installed; "
                f"`pip install '{install}'`, or set it to False"
            )
