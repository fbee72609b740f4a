"""The settings of training on several devices."""

import dataclasses

from jaxgan.settings import Check, UserError, at_least, setting

SHARDS = Check("0 or a power of two", lambda value: value >= 0 and not value & (value - 1))


@dataclasses.dataclass(frozen=True)
class ParallelConfig:
    devices: int = setting(
        1,
        "devices that share a batch, or the seeds of one program; 0: all there are",
        at_least(0),
        may_change=True,
    )
    shards: int = setting(
        0, "parts of a batch that give the same bits on any number of devices; 0: off", SHARDS
    )


def check_shards(shards: int, batch_size: int, packing: int, seeds_at_once: int) -> None:
    """
    Raises:
      UserError: a batch cannot be cut so, or runs that are trained in one program should be.
    """
    if not shards:
        return
    if batch_size // packing % shards:
        parts = "images" if packing == 1 else f"packs of {packing} (config.packing)"
        raise UserError(
            f"config.parallel.shards = {shards}: must divide config.train.batch_size = "
            f"{batch_size}, which is {batch_size // packing} {parts}"
        )
    if seeds_at_once > 1:
        raise UserError(
            f"config.train.seeds_at_once = {seeds_at_once}: must be 0 or 1 with "
            "config.parallel.shards, since several runs in one program are equal to rounding alone"
        )
