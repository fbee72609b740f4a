"""The classic multi-layer-perceptron GAN on Fashion-MNIST.

    python run.py --config configs/fashion_mnist.py

As long as configs/mnist.py: some 5 min on two CPU cores. Seed 0, last step, 10,000 samples against
the test images: Fréchet distance 55.3 in the features fashion_mnist-351d885d, coverage 0.22,
classes off by 0.48.

Fashion-MNIST is not shipped: it is taken from `--config.data.dir=FOLDER` (its four IDX files), from
Debian's package dataset-fashion-mnist, from a prepared TFDS folder, or downloaded through TFDS.
"""

from ml_collections import ConfigDict

from jaxgan.config.files import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "fashion_mnist"
    config.train.epochs = 50
    config.evaluate.every = 5
    return config
