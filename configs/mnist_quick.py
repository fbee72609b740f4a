"""A first look: the classic GAN on MNIST for a few epochs.

python run.py --config configs/mnist_quick.py
"""

from ml_collections import ConfigDict

from jaxgan.config import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "mnist"
    config.train.epochs = 4
    config.save.every = 1
    return config
