"""The settings of a run, their checks and the errors for users. Nothing here imports JAX."""

from jaxgan.config.errors import TrainingDiverged, UserError
from jaxgan.config.files import default_config, from_mapping, load_config, to_config_dict
from jaxgan.config.import_paths import trust
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import (
    AdamConfig,
    AugmentConfig,
    Config,
    DataConfig,
    EmaConfig,
    EvaluateConfig,
    OptimizerConfig,
    ParallelConfig,
    PenaltyConfig,
    SaveConfig,
    ScheduleConfig,
    TrainConfig,
)
