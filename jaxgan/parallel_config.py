"""The settings of training on several devices."""

import dataclasses

from jaxgan.settings import at_least, setting


@dataclasses.dataclass(frozen=True)
class ParallelConfig:
    devices: int = setting(
        1,
        "that share each batch, or the seeds trained at once; 0: all; equal to rounding",
        at_least(0),
        may_change=True,
    )
