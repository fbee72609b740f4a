"""The classic multi-layer-perceptron GAN on Fashion-MNIST.

    python run.py --config configs/fashion_mnist.py

Fashion-MNIST is not shipped: it is taken from `--config.data.dir=FOLDER` (its four IDX files), from
Debian's package dataset-fashion-mnist, from a prepared TFDS folder, or downloaded through TFDS.
"""

from ml_collections import ConfigDict

from jaxgan.config import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "fashion_mnist"
    config.train.epochs = 50
    config.evaluate.every = 5
    return config
