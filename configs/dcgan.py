"""The DCGAN on MNIST (Radford et al. 2016), with 64 channels next to the images.

    python run.py --config configs/dcgan.py

The settings are the paper's: batches of 128, Adam with learning rate 2e-4 and b1 = 0.5.

Time: 59 s to the last row on an H200 that five other runs shared (jax 0.11.2; each epoch in one
device call, evaluated and saved only at the end). The 11,700 steps alone take 11 s there. On two
CPU cores (474 GFLOP/s) they would take 14 min, by the 74 ms of a step.

Result of seed 0 at the last step, with 10,000 samples against the test images: Fréchet distance
12.2 in the features mnist-b7fa8003, little more than half of that of configs/mnist.py; coverage
0.43; total variation of the class histogram 0.15.
"""

from ml_collections import ConfigDict

from jaxgan.config.files import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "mnist"
    config.network.name = "dcgan"
    config.network.gen_channels = 64
    config.network.disc_channels = 64
    config.train.epochs = 25
    config.train.batch_size = 128
    config.train.chunks_per_epoch = 10
    config.evaluate.every = 5
    for adam in (config.optimizer.gen, config.optimizer.disc):
        adam.b1 = 0.5
    return config
