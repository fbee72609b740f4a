"""The classic GAN with the relativistic pairing loss (RpGAN, Jolicoeur-Martineau 2018).

    python run.py --config configs/mnist_relativistic.py

Time: 22 min on one CPU core that other work shared.

Result of seed 0 at the last step, with 10,000 samples against the test images: Fréchet distance
30.1 in the features mnist-b7fa8003 (21.7 with the non-saturating loss of configs/mnist.py),
coverage 0.14, total variation of the class histogram 0.20.

The loss alone does not help here; with R1 and R2 it is the loss of configs/mnist_best.py.
"""

from ml_collections import ConfigDict

from configs import mnist


def get_config() -> ConfigDict:
    config = mnist.get_config()
    config.loss = "relativistic"
    return config
