"""The output of a chunk of steps, which the device computes in one call or in several."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import struct

from jaxgan.gan.state import TrainState
from jaxgan.training.input_pipeline import StepBlock
from jaxgan.types import StepOutput


class CallOutput(struct.PyTreeNode):
    """The output of one device call.

    Attributes:
      output: metrics and checksums, with steps on the last axis.
      steps: number of steps; what `output` has after them means nothing.
    """

    output: StepOutput
    steps: int = struct.field(pytree_node=False)


class HostOutput(NamedTuple):
    """The values of some steps on the host, with the steps on the last axis, by name."""

    metrics: Mapping[str, np.ndarray]
    checksums: Mapping[str, np.ndarray]


ChunkOutput = Sequence[CallOutput]  # in the order of the steps
RunBlock = Callable[[TrainState, StepBlock], tuple[TrainState, StepOutput]]


def run_blocks(
    run_block: RunBlock,
    state: TrainState,
    blocks: Iterable[StepBlock],
    on_call: Callable[[int, HostOutput], None],
) -> tuple[TrainState, ChunkOutput]:
    """Runs the blocks of a chunk one after the other.

    While the device computes a block the host sends it the next one, and no more than that.

    Args:
      on_call: called with the number of steps done and the output on the host, once a call has
        ended; not for the last one, for which nobody waits here.
    """
    calls: list[CallOutput] = []
    done = 0
    for block in blocks:
        state, output = run_block(state, block)
        if calls:
            calls[-1] = jax.device_get(calls[-1])
            done += calls[-1].steps
            on_call(done, calls_on_host(calls[-1:]))
        calls.append(CallOutput(output, block.steps))
    return state, calls


def calls_on_host(calls: ChunkOutput) -> HostOutput:
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
