"""Whether a device can compute in the precision that a config asks for."""

from collections.abc import Sequence

import jax

from jaxgan.config import Config, UserError

LOWEST = (8, 0)  # CUDA compute capability from which a GPU has bfloat16


def check_precision(config: Config, devices: Sequence[jax.Device]) -> None:
    """
    Raises:
      UserError: the config asks for bfloat16, and a device has none.
    """
    if config.network.precision != "bfloat16":
        return
    for device in devices:
        capability = _capability(device)
        if capability and capability < LOWEST:
            raise UserError(
                f"config.network.precision = 'bfloat16': the {device.device_kind} has none "
                f"(compute capability {'.'.join(map(str, capability))}, it takes 8.0); must be "
                "float32 on this device"
            )


def slow(config: Config, backend: str) -> str:
    """What is to be said where the precision costs time in place of saving it; "" elsewhere."""
    if config.network.precision != "bfloat16" or backend != "cpu":
        return ""
    return (
        "config.network.precision = 'bfloat16': takes longer than float32 on a CPU; it is for GPUs "
        "of compute capability 8.0 and TPUs"
    )


def _capability(device: jax.Device) -> tuple[int, ...]:
    """Of a CUDA device; () of any other."""
    parts = str(getattr(device, "compute_capability", "")).split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
