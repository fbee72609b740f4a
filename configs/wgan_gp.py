"""The classic GAN with the Wasserstein loss and gradient penalty (WGAN-GP, Gulrajani et al. 2017).

    python run.py --config configs/wgan_gp.py

The settings are the paper's: penalty weight 10, five updates of D for each of G, Adam with learning
rate 1e-4 and decay rates 0 and 0.9.

Time: 13 min on one CPU core that other work shared.

Result of seed 0 at the last step, with 10,000 samples against the test images: Fréchet distance
19.2 in the features mnist-b7fa8003 (21.7 with the non-saturating loss of configs/mnist.py),
coverage 0.32, total variation of the class histogram 0.15.

An epoch has a fifth of the G updates of configs/mnist.py.
"""

from ml_collections import ConfigDict

from configs import mnist


def get_config() -> ConfigDict:
    config = mnist.get_config()
    config.loss = "wasserstein"
    config.penalty.wgan_gp = 10.0
    config.train.d_steps = 5
    for adam in (config.optimizer.gen, config.optimizer.disc):
        adam.learning_rate = 1e-4
        adam.b1 = 0.0
        adam.b2 = 0.9
    return config
