"""The classic multi-layer-perceptron GAN on MNIST (Goodfellow et al. 2014), non-saturating loss.

python run.py --config configs/mnist.py
"""

from ml_collections import ConfigDict

from jaxgan.config import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "mnist"
    config.train.epochs = 50
    config.evaluate.every = 5
    return config
