"""The classic GAN with the saturating loss (Goodfellow et al. 2014, equation 1).

    python run.py --config configs/mnist_saturating.py

Time: 14 min on one CPU core that other work shared.

Result of seed 0 at the last step, with 10,000 samples against the test images: Fréchet distance
27.9 in the features mnist-b7fa8003 (21.7 with the non-saturating loss of configs/mnist.py),
coverage 0.18, total variation of the class histogram 0.17.

D wins at first, and almost no gradient reaches G until epoch 22; then G does learn.
"""

from ml_collections import ConfigDict

from configs import mnist


def get_config() -> ConfigDict:
    config = mnist.get_config()
    config.loss = "saturating"
    return config
