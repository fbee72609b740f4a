"""The feature net of MNIST: metrics compare the penultimate layer of this classifier.

python -m jaxgan.metrics.train_features --config configs/features_mnist.py
"""

from jaxgan.config.schema import DataConfig
from jaxgan.metrics.train_features import FeatureConfig


def get_config() -> FeatureConfig:
    return FeatureConfig(
        data=DataConfig(name="mnist"),
        epochs=12,
        rotation=10.0,
        scale=0.1,
        shift=2.0,
    )
