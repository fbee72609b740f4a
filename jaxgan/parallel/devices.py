"""The devices that JAX sees, and the precisions that they support."""

import os
from collections.abc import Sequence
from typing import Any

import jax

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config

MIN_CAPABILITY = (8, 0)  # the lowest CUDA compute capability with bfloat16


def visible_devices() -> list[jax.Device]:
    """Returns JAX's devices; raises UserError if it finds none."""
    try:
        return jax.devices()
    # JAX_PLATFORMS names a backend that is not there, or whose plugin fails.
    except (RuntimeError, AssertionError) as error:
        asked = os.environ.get("JAX_PLATFORMS", "")
        raise UserError(f"JAX finds no device (JAX_PLATFORMS={asked!r}): {error}") from None


def check_precision(config: Config, devices: Sequence[Any]) -> None:
    """Raises UserError if the config asks for bfloat16 and a device does not support it."""
    if config.network.precision != "bfloat16":
        return
    for device in devices:
        # Only CUDA devices have it, as "8.0"; a GPU of AMD has another text there.
        capability = str(getattr(device, "compute_capability", ""))
        parts = capability.split(".")
        if all(part.isdecimal() for part in parts) and tuple(map(int, parts)) < MIN_CAPABILITY:
            raise UserError(
                f"config.network.precision = 'bfloat16': the {device.device_kind} does not "
                f"support it (compute capability {capability}, needs 8.0); must be float32 on this "
                "device"
            )
