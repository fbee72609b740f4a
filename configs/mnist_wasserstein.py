"""The classic GAN with the Wasserstein loss and clipped weights (Arjovsky et al. 2017).

    python run.py --config configs/mnist_wasserstein.py

As in the paper, D has five updates for each of G, with learning rate 5e-5. The optimizer is Adam
without momentum instead of RMSProp. An epoch has a fifth of the G updates of configs/mnist.py.

Time: 12 min on one CPU core that other work shared.

Result of seed 0 at the last step, with 10,000 samples against the test images: Fréchet distance
41.1 in the features mnist-b7fa8003 (21.7 with the non-saturating loss of configs/mnist.py),
coverage 0.07, total variation of the class histogram 0.32.

The digits are blurred and still improve at the end.
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
