"""The options of an evaluation."""

import dataclasses

from jaxgan.config.errors import UserError
from jaxgan.config.fields import SEED
from jaxgan.evaluation import scoring
from jaxgan.runs.checkpoint_ref import CheckpointRef


@dataclasses.dataclass(frozen=True)
class EvaluateRequest:
    """Options of an evaluation, the same for every seed of a run.

    Attributes:
      num_samples: images in each set; 0 means the number in the protocol, or as many as there are.
      step: step of the checkpoint, or "last" or "best".
      seed: seed of the latents and of the kernel distance's subsets.
      features: feature net, as `load_features` takes it; "" means that of the run's config or of
        its data set. A function of the user's own must be named here to be used.
      metrics: names in METRICS; () means every metric that the feature net supports.

    Raises:
      UserError: a seed out of range, or an unknown metric.
    """

    num_samples: int = 0
    step: CheckpointRef = "last"
    seed: int = 0
    features: str = ""
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not SEED.test(self.seed):
            raise UserError(f"seed = {self.seed}: must be {SEED.allowed}")
        scoring.check_metric_names(self.metrics)
