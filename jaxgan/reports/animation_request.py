"""The options of an animation."""

import dataclasses

from jaxgan.config.errors import UserError
from jaxgan.runs.checkpoint_ref import CheckpointRef

FRAMES = 60  # of a walk or along a direction


@dataclasses.dataclass(frozen=True)
class AnimateRequest:
    """Options of an animation; without `walk` and `direction` it shows the training.

    Attributes:
      walk: seeds between whose latents it goes, and back to the first.
      direction: number of the direction along which latents move there and back; None for none.
      extent: how far, in standard deviations.
      frames: 0: all that there are of the training, or `FRAMES`.
      fps: frames per second.
      size: each pixel of an image becomes as many in width and height, and points get a picture of
        this width and height; 0: the usual.
      num: images or points in each frame; 0: as many as a sample grid has, or 16 images.
      step: step of the checkpoint, or "last" or "best".
      seed: seed of the latents; None: that of the run, whose sample grids have the same latents.
      labels: classes by name or number, in turn; () for all.

    Raises:
      UserError: options that contradict each other.
    """

    walk: tuple[int, ...] = ()
    direction: int | None = None
    extent: float = 3.0
    frames: int = 0
    fps: int = 20
    size: int = 0
    num: int = 0
    step: CheckpointRef = "last"
    seed: int | None = None
    labels: tuple[int | str, ...] = ()

    def __post_init__(self) -> None:
        if self.walk and self.direction is not None:
            raise UserError("--direction beside --walk: an animation shows one of them")
        if self.walk and self.seed is not None:
            raise UserError("--seed beside --walk, which gives the seeds: leave one of them out")
        if self.direction is None and self.extent != AnimateRequest.extent:
            raise UserError(f"--extent {self.extent:g}: needs --direction")
        if self.of_training and self.step != "last":
            raise UserError(
                f"--step {self.step}: an animation of the training has many steps; leave it out, "
                "or add --walk or --direction"
            )

    @property
    def of_training(self) -> bool:
        return not self.walk and self.direction is None

    @property
    def of_chosen_samples(self) -> str:
        """The first flag that asks for other samples than a run's grids have, or ""."""
        flags = {"size": self.size, "num": self.num, "labels": self.labels}
        given = [name for name, value in flags.items() if value]
        given += ["seed"] if self.seed is not None else []
        return f"--{given[0]}" if given else ""
