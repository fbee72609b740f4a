"""The classic GAN with relativistic pairing (RpGAN, Jolicoeur-Martineau 2018).

    python run.py --config configs/mnist_relativistic.py

22 min on one CPU core that other work shared. Seed 0, last step, 10,000 samples against the test
images: Fréchet distance 30.1 in the features mnist-b7fa8003, where the non-saturating loss of
configs/mnist.py has 21.7; coverage 0.14; classes off by 0.20. Here, by itself, it does not help;
with R1 and R2 it is the loss of configs/mnist_best.py.
"""

from ml_collections import ConfigDict

from configs import mnist


def get_config() -> ConfigDict:
    config = mnist.get_config()
    config.loss = "relativistic"
    return config
