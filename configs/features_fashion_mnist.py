"""The feature net of Fashion-MNIST: metrics compare the penultimate layer of this classifier.

    python -m jaxgan.metrics.train_features --config configs/features_fashion_mnist.py

`--data_dir=FOLDER` names the folder of the data set's four IDX files, which are not shipped.
"""

from jaxgan.config.schema import DataConfig
from jaxgan.metrics.train_features import FeatureConfig


def get_config() -> FeatureConfig:
    return FeatureConfig(
        data=DataConfig(name="fashion_mnist"),
        epochs=24,
        weight_decay=0.05,
        shift=1.0,
        mirror=True,
    )
