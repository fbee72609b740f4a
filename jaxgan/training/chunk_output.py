"""The output of a chunk of steps, which the device computes in one call or in several."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import struct

from jaxgan.types import StepOutput


class CallOutput(struct.PyTreeNode):
    """The output of one device call.

    Attributes:
      output: metrics and checksums, with steps on the last axis.
      steps: number of steps; the values of `output` after them are not used.
    """

    output: StepOutput
    steps: int = struct.field(pytree_node=False)


class HostOutput(NamedTuple):
    """The values of some steps on the host, with the steps on the last axis, by name."""

    metrics: Mapping[str, np.ndarray]
    checksums: Mapping[str, np.ndarray]


ChunkOutput = Sequence[CallOutput]  # in the order of the steps


def keep_steps(call: CallOutput) -> CallOutput:
    """Waits for a call, and copies the values of its steps to the host.

    Without the copy the values of all rows of the call would stay in memory.
    """
    output = jax.tree.map(lambda array: np.array(array[..., : call.steps]), jax.device_get(call))
    return CallOutput(output.output, call.steps)


def fetch_calls(calls: ChunkOutput) -> HostOutput:
    """Waits for the calls, and returns their output as that of one call."""

    def join(dicts: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
        lengths = [call.steps for call in calls]
        return {
            name: np.concatenate(
                [np.asarray(one[name])[..., :n] for one, n in zip(dicts, lengths, strict=True)], -1
            )
            for name in dicts[0]
        }

    outputs = [call.output for call in calls]
    return HostOutput(join([o.metrics for o in outputs]), join([o.checksums for o in outputs]))
