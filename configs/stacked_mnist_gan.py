"""The classic GAN on Stacked MNIST: three digits as the channels of an image, 1,000 modes.

    python run.py --config configs/stacked_mnist_gan.py

Time: 8 min on one CPU core that other work shared.

Result of seed 0 at the last step, with 26,000 samples: 1 of the 1,000 modes, reverse KL divergence
6.91. Real stacks reach all modes.
"""

from ml_collections import ConfigDict

from jaxgan.config.files import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "stacked_mnist"
    config.train.epochs = 5
    config.train.batch_size = 128
    config.save.every = 1
    config.evaluate.every = 1
    return config
