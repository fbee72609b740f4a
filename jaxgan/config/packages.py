"""Packages that some settings and commands need and that jaxgan does not install by itself."""

import importlib.util
from typing import Any

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
        if getattr(config.log, name) and not _is_installed(module):
            raise UserError(
                f"config.log.{name} = True: the package {module} is not installed; "
                f"`pip install '{install}'`, or set it to False"
            )


def _is_installed(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    # A folder of this name beside the command, as wandb makes one, is found without an origin.
    return spec is not None and spec.origin is not None


def import_package(name: str, purpose: str, extra: str) -> Any:
    """Returns a module.

    Args:
      name: of the module; its first part is that of the package.
      purpose: what needs it, such as a flag with its value.
      extra: the extra of jaxgan that installs it.

    Raises:
      UserError: the package is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        # Another module that it imports may be missing, or broken.
        reason = "" if error.name == package else f" ({error})"
        raise UserError(
            f"{purpose}: needs the package {package}{reason}; install it: "
            f"pip install 'jaxgan[{extra}]'"
        ) from None
