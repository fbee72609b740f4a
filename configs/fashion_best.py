"""The networks and the training of configs/mnist_best.py on Fashion-MNIST; not yet measured.

python run.py --config configs/fashion_best.py

Where the images are taken from: see configs/fashion_mnist.py.
"""

from ml_collections import ConfigDict

from configs import mnist_best


def get_config() -> ConfigDict:
    config = mnist_best.get_config()
    config.data.name = "fashion_mnist"
    return config
