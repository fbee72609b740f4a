"""Agreements between the processes that train one run together.

Every function here is collective: all processes of the run must call it, in the same order. A
process that trains alone returns at once.
"""

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxgan.config.errors import UserError, describe_os_error

# Messages are padded to this times a power of two, because JAX compiles a program for each size.
MIN_BYTES = 1024


def is_primary() -> bool:
    """Returns True in the process that writes the run directory and prints the results."""
    return jax.process_index() == 0


def all_gather(value: Any) -> list[Any]:
    """Returns the JSON value that each process gives, in the order of the processes."""
    if jax.process_count() == 1:
        return [value]
    message = np.frombuffer(json.dumps(value).encode(), np.uint8)
    lengths = multihost_utils.process_allgather(np.int32(len(message)))
    size = MIN_BYTES << max(0, int(lengths.max() - 1) // MIN_BYTES).bit_length()
    padded = np.pad(message, (0, size - len(message)))
    rows = multihost_utils.process_allgather(padded)
    return [json.loads(bytes(row[:n])) for row, n in zip(rows, lengths, strict=True)]


def from_primary(value: Any) -> Any:
    """Returns the JSON value that the primary process gives; the others' values are unused."""
    return all_gather(value)[0]


@contextlib.contextmanager
def same_error() -> Iterator[None]:
    """Raises in every process a `UserError` or `OSError` that one of them raises in the context.

    No collective function may be called within it, since a process with an error would miss it.
    """
    own: UserError | OSError | None = None
    try:
        yield
    except (UserError, OSError) as error:
        own = error
    # Reached with and without an error: a process that raised at once would leave the others
    # waiting in the next collective call.
    messages = all_gather(describe_os_error(own) if isinstance(own, OSError) else str(own or ""))
    if own:
        raise own
    for index, message in enumerate(messages):
        if message:
            raise UserError(f"process {index}: {message}")


def check_same_device_count(devices: Sequence[jax.Device]) -> None:
    """Raises UserError unless every process has the same number of devices."""
    counts = Counter(device.process_index for device in devices)
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"process {index} has {counts[index]}" for index in sorted(counts))
        raise UserError(f"the processes of a run must have equally many devices: {shown}")


def check_agreement(facts: Mapping[str, str]) -> None:
    """Raises UserError, in every process, if one of them has another fact under some name."""
    first, *others = all_gather(dict(facts))
    for index, other in enumerate(others, start=1):
        # In every process, although each could compare only itself: so all end with one message.
        differing = [name for name in sorted(first | other) if first.get(name) != other.get(name)]
        if differing:
            shown = "; ".join(
                f"{name} is {first.get(name)} in process 0 and {other.get(name)} in process {index}"
                for name in differing
            )
            raise UserError(f"the processes of a run must agree: {shown}")


def check_shared(workdir: Path) -> None:
    """Raises UserError, in every process, unless all see the folder that the primary writes."""
    if jax.process_count() == 1:
        return
    with contextlib.ExitStack() as stack:
        token = ""
        if is_primary():
            # A new file, since a network file system may show an old one from its cache.
            file = stack.enter_context(tempfile.NamedTemporaryFile(dir=workdir, prefix=".shared-"))
            token = Path(file.name).name
        # The file is deleted at the end of this block, and `all_gather` returns only when every
        # process has looked.
        token = from_primary(token)
        seen = all_gather((workdir / token).exists())
        if not all(seen):
            raise UserError(
                f"--workdir {workdir}: process {seen.index(False)} does not see the folder that "
                "process 0 writes; give all processes one folder on a shared file system"
            )
