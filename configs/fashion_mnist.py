"""The classic multi-layer-perceptron GAN on Fashion-MNIST.

    python run.py --config configs/fashion_mnist.py

Time: about 5 min on two CPU cores, as configs/mnist.py.

Result of seed 0 at the last step, with 10,000 samples against the test images: Fréchet distance
55.3 in the features fashion_mnist-351d885d, coverage 0.22, total variation of the class histogram
0.48.

Fashion-MNIST is not shipped. It is read from the folder of `--config.data.dir=FOLDER` (four IDX
files), from Debian's package dataset-fashion-mnist or from a prepared TFDS folder; if none of them
is there, it is downloaded by TFDS.
"""

from ml_collections import ConfigDict

from jaxgan.config.files import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "fashion_mnist"
    config.train.epochs = 50
    config.evaluate.every = 5
    return config
