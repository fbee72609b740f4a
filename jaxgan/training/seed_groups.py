"""Chooses which seeds are trained together in one compiled program."""

from collections.abc import Iterable, Mapping

import jax

from jaxgan.config.schema import Config
from jaxgan.config.seeds import seeds_of


def group_seeds(unfinished: Mapping[int, Iterable[int]], limit: int) -> list[list[int]]:
    """Groups seeds that can begin at the same step, at most `limit` in a group.

    Seeds without a common step are in different groups; otherwise one of them would have to repeat
    steps that it has already done.

    Args:
      unfinished: by seed, the steps that it can begin at: its checkpoints, or 0.
    """
    alike: list[tuple[list[int], set[int]]] = []
    for seed, steps in unfinished.items():
        for seeds, common in alike:
            if common & set(steps):
                seeds.append(seed)
                common &= set(steps)
                break
        else:
            alike.append(([seed], set(steps)))
    return [seeds[i : i + limit] for seeds, _ in alike for i in range(0, len(seeds), limit)]


def seeds_per_program(config: Config, devices: int) -> int:
    """Returns the maximum number of seeds that share one compiled program.

    It is 1 if several processes train. Otherwise it is config.train.seeds_at_once or, if that is 0,
    the number that trains fastest: 1 on CPU; one per device for convolutional networks, whose
    kernels `vmap` turns into slower grouped convolutions (1.16 times on an H200, three seeds of
    configs/mnist_best.py); else all seeds. With shards it is 1, since the bits of several seeds in
    one program are equal only to rounding.
    """
    if jax.process_count() > 1:
        return 1
    if config.train.seeds_at_once:
        return config.train.seeds_at_once
    if config.parallel.shards or jax.default_backend() == "cpu":
        return 1
    if config.network.name != "mlp":
        return devices
    return len(seeds_of(config))
