"""The settings of both players' optimisers, and of what changes over the images seen."""

import dataclasses

from jaxgan.settings import DECAY, NOT_NEGATIVE, POSITIVE, Points, one_of, points, setting


@dataclasses.dataclass(frozen=True)
class AdamConfig:
    learning_rate: float = setting(2e-4, "step size", POSITIVE)
    b1: float = setting(0.9, "decay of the first moment", DECAY)
    b2: float = setting(0.999, "decay of the second moment", DECAY)
    eps: float = setting(1e-8, "added to the root of the second moment", POSITIVE)
    clip_norm: float = setting(0.0, "largest norm of the whole gradient; 0: off", NOT_NEGATIVE)
    clip_weights: float = setting(0.0, "largest size of a weight; 0: off", NOT_NEGATIVE)


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    gen: AdamConfig = AdamConfig()
    disc: AdamConfig = AdamConfig()


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """Each is (images seen, value) pairs, constant before the first and after the last; () leaves
    the quantity as it is set."""

    shape: str = setting("linear", "of the way between two points", one_of("linear", "cosine"))
    learning_rate: Points = setting((), "factor of both players' learning rates", points())
    b1: Points = setting((), "both players' b1", points(below=1))
    b2: Points = setting((), "both players' b2", points(below=1))
    penalty: Points = setting((), "factor of every penalty's weight", points())
    ema: Points = setting((), "factor of the average's half-life", points())
    augment: Points = setting((), "factor of the augmentations' probability", points())
