"""The MLPs of the classic GAN with Wasserstein's loss and clipped weights (Arjovsky et al. 2017).

    python run.py --config configs/mnist_wasserstein.py

Five updates of D for each of G, at 5e-5 as in the paper, but with Adam without momentum in place of
RMSProp; so an epoch has a fifth of G's updates.

12 min on one CPU core that other work shared. Seed 0, last step, 10,000 samples against the test
images: Fréchet distance 41.1 in the features mnist-b7fa8003, where the non-saturating loss of
configs/mnist.py has 21.7; coverage 0.07; classes off by 0.32. Blurred digits, still getting better
at the end.
"""

from ml_collections import ConfigDict

from configs import mnist


def get_config() -> ConfigDict:
    config = mnist.get_config()
    config.loss = "wasserstein"
    config.train.d_steps = 5
    config.optimizer.disc.clip_weights = 0.01
    for adam in (config.optimizer.gen, config.optimizer.disc):
        adam.learning_rate = 5e-5
        adam.b1 = 0.0
    return config
