"""Whether a device can compute in the precision that a config asks for."""

import os
from collections.abc import Sequence

import jax

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config


def visible_devices() -> list[jax.Device]:
    try:
        return jax.devices()
    except (RuntimeError, AssertionError) as error:  # JAX_PLATFORMS names one that is not there
        asked = os.environ.get("JAX_PLATFORMS", "")
        raise UserError(f"JAX finds no device (JAX_PLATFORMS={asked!r}): {error}") from None


MIN_CAPABILITY = (8, 0)  # CUDA compute capability from which a GPU has bfloat16


def check_precision(config: Config, devices: Sequence[jax.Device]) -> None:
    """
    Raises:
      UserError: the config asks for bfloat16, and a device has none.
    """
    if config.network.precision != "bfloat16":
        return
    for device in devices:
        capability = _capability(device)
        if capability and capability < MIN_CAPABILITY:
            raise UserError(
                f"config.network.precision = 'bfloat16': the {device.device_kind} has none "
                f"(compute capability {'.'.join(map(str, capability))}, it takes 8.0); must be "
                "float32 on this device"
            )


def _capability(device: jax.Device) -> tuple[int, ...]:
    """Of a CUDA device; () of any other."""
    parts = str(getattr(device, "compute_capability", "")).split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
