"""Residual networks on MNIST: hinge loss, spectral norm in D (SNGAN, Miyato et al. 2018).

    python run.py --config configs/sngan.py

As in the paper, D has five updates for each of G, and Adam has learning rate 2e-4 and decay rates 0
and 0.9. The networks have 128 channels.

Time: made for a GPU. On an H200 (jax 0.11.2) 148 s for the 9,350 steps, computed from the 15.8 ms
of a step; 614 s in two parts beside five other runs; 108 s with
`--config.network.precision=bfloat16`. On two CPU cores about 35 hours, computed from the 13.4 s of
a step: use configs/sngan_small.py there.

Result of seed 0 on an H200 at the last step, with 10,000 samples against the test images: Fréchet
distance 13.0 in the features mnist-b7fa8003, precision 0.75, coverage 0.70, total variation of the
class histogram 0.21: there are few twos, sixes and eights, and many sevens.
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
