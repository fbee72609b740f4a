"""The deep convolutional GAN on MNIST (Radford et al. 2016), 64 channels at the images.

    python run.py --config configs/dcgan.py

The paper's settings: batches of 128, Adam at 2e-4 with a first-moment decay of 0.5.
59 s to the last row on an H200 that five other runs shared (jax 0.11.2; an epoch in one call,
evaluated and saved at the end only); its 11,700 steps alone take 11 s there, on two CPU cores some
40 min by the 96 ms of a step of half the batch. Seed 0, last step, 10,000 samples against the test
images: Fréchet distance 12.2 in the features mnist-b7fa8003, little more than half of that of
configs/mnist.py; coverage 0.43; classes off by 0.15.
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
