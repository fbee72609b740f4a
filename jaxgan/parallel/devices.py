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
    except (RuntimeError, AssertionError) as error:  # JAX_PLATFORMS names one that is not there
        asked = os.environ.get("JAX_PLATFORMS", "")
        raise UserError(f"JAX finds no device (JAX_PLATFORMS={asked!r}): {error}") from None


def check_precision(config: Config, devices: Sequence[Any]) -> None:
    """Raises UserError if the config asks for bfloat16 and a device does not support it."""
    if config.network.precision != "bfloat16":
        return
    for device in devices:
        capability = _capability(device)
        if capability and capability < MIN_CAPABILITY:
            raise UserError(
                f"config.network.precision = 'bfloat16': the {device.device_kind} does not "
                f"support it (compute capability {'.'.join(map(str, capability))}, needs 8.0); "
                "must be float32 on this device"
            )


def _capability(device: Any) -> tuple[int, ...]:
    """Returns the compute capability of a CUDA device, () of any other."""
    parts = str(getattr(device, "compute_capability", "")).split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
