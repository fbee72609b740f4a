"""Residual networks on MNIST, hinge loss, spectral norm in D (SNGAN, Miyato et al. 2018).

    python run.py --config configs/sngan.py

As in the paper: five updates of D for each of G, Adam at 2e-4 with (0, 0.9). 128 channels.

For a GPU: 148 s for its 9,350 steps, by the 15.8 ms of one on an H200 (jax 0.11.2), 614 s in two
parts beside five other runs; 108 s with `--config.network.precision=bfloat16`; on two CPU cores
some 35 hours, by 13.4 s a step. Seed 0 on an H200, last step, 10,000 samples against the test
images: Fréchet distance 13.0 in the features mnist-b7fa8003, precision 0.75, coverage 0.70; classes
off by 0.21, with few twos, sixes and eights and many sevens. For two CPU cores:
configs/sngan_small.py.
"""

from ml_collections import ConfigDict

from jaxgan.config.files import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "mnist"
    config.loss = "hinge"
    config.network.name = "sngan"
    config.network.latent_size = 128
    config.network.gen_channels = 128
    config.network.disc_channels = 128
    config.train.epochs = 50
    config.train.d_steps = 5
    config.train.chunks_per_epoch = 10
    config.evaluate.every = 5
    for adam in (config.optimizer.gen, config.optimizer.disc):
        adam.b1 = 0.0
        adam.b2 = 0.9
    return config
