"""The settings of training on several devices."""

import dataclasses

from jaxgan.settings import at_least, setting


@dataclasses.dataclass(frozen=True)
class ParallelConfig:
    devices: int = setting(
        1,
        "devices that share a batch, or the seeds of one program; 0: all there are",
        at_least(0),
        may_change=True,
    )
